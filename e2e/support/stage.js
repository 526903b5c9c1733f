/** The vertical feed as a person uses it. */
import { until } from './until.js';

export const active_clip = '[data-testid="clip"][data-active="true"]';

/** The id of the clip that is shown. */
export function current(visitor) {
  return visitor.page.locator(active_clip).getAttribute('data-video-id');
}

/** Waits until the clip that is shown has come to its end (it starts over then). */
export async function watch_to_the_end(visitor, within_ms = 30_000) {
  let last = 0;
  await until(
    'the clip to be watched to its end',
    async () => {
      const now = await visitor.playing();
      if (!now || now.paused) return false;
      const over = now.at_s < last - 0.4;
      last = now.at_s;
      return over;
    },
    { within_ms },
  );
}

/** On to the next clip by the arrow key; returns its id once it is shown. */
export async function next(visitor) {
  const before = await current(visitor);
  await visitor.page.keyboard.press('ArrowDown');
  return until('the next clip', async () => {
    const now = await current(visitor);
    return now !== before && now;
  });
}
