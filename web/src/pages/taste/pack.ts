/** Circles side by side without touching, the biggest in the middle. */
export interface Circle {
  x: number;
  y: number;
  r: number;
}

const step_angle = 0.35;
const gap = 1.5;
const turns_max = 2000;

/** Places circles of these radii, in their order, along a spiral; `wide` stretches the whole (1 is round). */
export function pack(radii: number[], wide: number): Circle[] {
  const placed: Circle[] = [];
  for (const r of radii) {
    let best: Circle = { x: 0, y: 0, r };
    for (let turn = 0; turn < turns_max; turn++) {
      const angle = turn * step_angle;
      const out = turn * 0.55;
      best = { x: Math.cos(angle) * out * wide, y: (Math.sin(angle) * out) / wide, r };
      if (placed.every((p) => Math.hypot(p.x - best.x, p.y - best.y) >= p.r + r + gap)) break;
    }
    placed.push(best);
  }
  return placed;
}

/** The box around all of them. */
export function bounds(circles: Circle[]): { x: number; y: number; w: number; h: number } {
  const x = Math.min(...circles.map((c) => c.x - c.r));
  const y = Math.min(...circles.map((c) => c.y - c.r));
  return { x, y, w: Math.max(...circles.map((c) => c.x + c.r)) - x, h: Math.max(...circles.map((c) => c.y + c.r)) - y };
}
