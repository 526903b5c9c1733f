import { expect, test } from 'vitest';
import { bounds, pack } from './pack';

test('circles do not touch and lie within their bounds', () => {
  const check = (radii: number[], wide: number) => {
    const circles = pack(radii, wide);
    expect(circles.map((c) => c.r)).toEqual(radii);
    for (const [i, a] of circles.entries()) {
      for (const b of circles.slice(i + 1)) expect(Math.hypot(a.x - b.x, a.y - b.y)).toBeGreaterThanOrEqual(a.r + b.r);
    }
    const box = bounds(circles);
    for (const c of circles) expect(c.x - c.r >= box.x && c.x + c.r <= box.x + box.w + 1e-9).toBe(true);
  };
  check([50], 1);
  check([50, 40, 40, 30, 20, 12, 12, 12], 1);
  check(Array.from({ length: 40 }, (_, i) => 60 - i), 1.4);
});
