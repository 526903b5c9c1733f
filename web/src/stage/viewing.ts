/** What was seen and for how long: one clip at a time, told to the server as an impression and, when the view is over, a watch. */
import { events } from './events';
import type { StageItem } from './feed.svelte';
import { WatchMeter } from './watch_meter';

/** A clip must be in view this long to count as seen. */
const seen_after_ms = 250;

/** What shows a clip, as far as its clock goes. */
interface Clock {
  at_s: number;
  duration_s: number;
  shown: boolean;
}

interface View {
  item: StageItem;
  meter: WatchMeter;
  seen: boolean;
  told: boolean;
  timer: ReturnType<typeof setTimeout> | undefined;
}

/** What an event about an item names. */
export const about = (item: StageItem) => ({ video: item.video.id, slate: item.slate, position: item.position });

export class Viewing {
  #view: View | null = null;
  readonly #impressed = new Set<string>();
  readonly #clock_of: (key: string) => Clock | null;

  constructor(clock_of: (key: string) => Clock | null) {
    this.#clock_of = clock_of;
  }

  /** The key of the item in view. */
  get key(): string | null {
    return this.#view?.item.key ?? null;
  }

  /** The view that is going on was told already: a further one begins anew. */
  get told(): boolean {
    return this.#view?.told ?? false;
  }

  begin(item: StageItem): void {
    const view: View = { item, meter: new WatchMeter(), seen: false, told: false, timer: undefined };
    // From where the clip stands: its first frame, or the place where it was left when the page was hidden.
    view.meter.jump((this.#clock_of(item.key)?.at_s ?? 0) * 1000);
    view.timer = setTimeout(() => {
      if (this.#view !== view || document.visibilityState !== 'visible') return;
      view.seen = true;
      if (this.#impressed.has(item.key)) return;
      this.#impressed.add(item.key);
      events.record('impression', about(item));
    }, seen_after_ms);
    this.#view = view;
  }

  /** Reads the player's clock; to be called several times a second. */
  measure(): void {
    const view = this.#view;
    const clock = view && this.#clock_of(view.item.key);
    if (!view || !clock?.shown) return;
    const length_ms = clock.duration_s * 1000;
    view.meter.tick(clock.at_s * 1000, length_ms);
    if (view.meter.full(length_ms)) this.tell();
  }

  /** The position was set by hand. */
  jump(at_s: number): void {
    this.#view?.meter.jump(at_s * 1000);
  }

  tell(): void {
    const view = this.#view;
    if (!view || view.told || !view.seen) return;
    view.told = true;
    const { item, meter } = view;
    const length_s = this.#clock_of(item.key)?.duration_s ?? 0;
    events.record('watch', {
      ...about(item),
      watch_ms: meter.watch_ms,
      duration_ms: Math.round(length_s > 0 ? length_s * 1000 : item.video.duration_ms),
    });
  }

  end(): void {
    if (!this.#view) return;
    clearTimeout(this.#view.timer);
    this.measure();
    this.tell();
    this.#view = null;
  }
}
