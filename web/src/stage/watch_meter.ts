/**
 * How much of a clip was shown, in milliseconds of its own time, all loops together. Fed with the player's clock; what was
 * jumped over by scrubbing does not count.
 */

/** A step longer than this between two readings is a jump, not watching. The player's clock ticks about four times a second. */
const step_max_ms = 1500;
/** Beyond this many loops nobody is watching any more. */
export const loops_max = 4;

export class WatchMeter {
  #watched_ms = 0;
  #last_ms: number | null = null;

  get watch_ms(): number {
    return Math.round(this.#watched_ms);
  }

  /** True once so many loops are counted that the view is as good as over. */
  full(duration_ms: number): boolean {
    return duration_ms > 0 && this.#watched_ms >= duration_ms * loops_max;
  }

  /** The player stands at `at_ms` of `duration_ms`. */
  tick(at_ms: number, duration_ms: number): void {
    const last = this.#last_ms;
    this.#last_ms = at_ms;
    if (last === null || this.full(duration_ms)) return;
    const step = at_ms - last;
    if (step >= 0) {
      if (step <= step_max_ms) this.#watched_ms += step;
      return;
    }
    const around = duration_ms - last + at_ms;
    if (duration_ms > 0 && around >= 0 && around <= step_max_ms) this.#watched_ms += around;
  }

  /** The position was set by hand; the way there does not count. */
  jump(at_ms: number): void {
    this.#last_ms = at_ms;
  }
}
