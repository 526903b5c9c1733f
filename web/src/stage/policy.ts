/** What to hold and what to fetch: decisions without a browser. */

/** Video elements, and so clips that can be held ready at once. */
export const players = 3;

export type Direction = 1 | -1;

/**
 * The clips that should have a player, most urgent first: the current one, then where the viewer is heading. Going forward
 * that is the next two; going back it is the one before and the one after.
 */
export function wanted(active: number, count: number, direction: Direction): number[] {
  const order = direction === 1 ? [active, active + 1, active + 2, active - 1] : [active, active - 1, active + 1, active - 2];
  return order.filter((index) => index >= 0 && index < count).slice(0, players);
}

/**
 * Which player takes which clip. A player that already holds a wanted clip keeps it; the others take what is missing, those
 * farthest from the current clip first. Answers the clip of each player, in the players' order; `null` is idle.
 */
export function assign(held: (number | null)[], want: number[]): (number | null)[] {
  const next = held.map((index) => (index !== null && want.includes(index) ? index : null));
  const missing = want.filter((index) => !next.includes(index));
  const active = want[0] ?? 0;
  const free = next
    .map((index, player) => ({ index, player }))
    .filter(({ index }) => index === null)
    .map(({ player }) => player)
    .sort((a, b) => Math.abs((held[b] ?? Infinity) - active) - Math.abs((held[a] ?? Infinity) - active));
  for (const index of missing) {
    const player = free.shift();
    if (player === undefined) break;
    next[player] = index;
  }
  return next;
}

/** Seconds that must lie ahead of the current clip before anything is fetched for another. */
export const smooth_ahead_s = 2;
/** Seconds to hold of a clip that is not playing: its first segment. */
export const held_ahead_s = 2;
/** Seconds to hold of the clip that plays. */
export const playing_ahead_s = 15;

/** The current clip plays smoothly: enough is ahead, or all of it is there. */
export function smooth(state: { at_s: number; buffered_s: number; duration_s: number; stalled: boolean }): boolean {
  if (state.stalled || !(state.duration_s > 0)) return false;
  const end = state.buffered_s >= state.duration_s - 0.25;
  return end || state.buffered_s - state.at_s >= smooth_ahead_s;
}

/** How a picture of one shape lies in a box of another: filling it if that hides at most `hidden_max`, else whole. */
export const hidden_max = 0.16;
export function fit(video_ratio: number, box_ratio: number): 'cover' | 'contain' {
  if (!(video_ratio > 0) || !(box_ratio > 0)) return 'cover';
  return Math.min(video_ratio / box_ratio, box_ratio / video_ratio) >= 1 - hidden_max ? 'cover' : 'contain';
}

/** Turns the many small movements of a wheel or a touch pad into steps of one clip. */
export class WheelSteps {
  #sum = 0;
  #last_ms = -Infinity;
  #stepped_ms = -Infinity;
  #last_size = 0;

  /** Pixels of wheel that make a step; a notch of a mouse wheel is about 100. */
  static readonly step_px = 40;
  /** After a step, the rest of the same swing is ignored. */
  static readonly rest_ms = 380;
  static readonly pause_ms = 140;

  feed(delta_px: number, at_ms: number): -1 | 0 | 1 {
    const size = Math.abs(delta_px);
    const fresh = at_ms - this.#last_ms > WheelSteps.pause_ms || size > this.#last_size * 1.8 + 8;
    this.#last_ms = at_ms;
    this.#last_size = size;
    if (at_ms - this.#stepped_ms < WheelSteps.rest_ms) return 0;
    if (this.#swinging && !fresh) return 0;
    this.#swinging = false;
    if (fresh || Math.sign(delta_px) !== Math.sign(this.#sum)) this.#sum = 0;
    this.#sum += delta_px;
    if (Math.abs(this.#sum) < WheelSteps.step_px) return 0;
    const step = this.#sum > 0 ? 1 : -1;
    this.#sum = 0;
    this.#stepped_ms = at_ms;
    this.#swinging = true;
    return step;
  }
  #swinging = false;
}
