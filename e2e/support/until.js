/** Waiting for a condition, never for a time. */

const poll_ms = 50;
/** How many times longer than usual to wait for what must come: for machines that are busy with other things. */
export const patience = Number(process.env.WATERSHED_E2E_PATIENCE ?? 1);

/**
 * Asks `condition` again and again until it answers something truthy, and returns that.
 * A throw of `condition` is an answer of "not yet"; the last one is told when the wait ends without success.
 */
export async function until(what, condition, { within_ms = 20_000, every_ms = poll_ms } = {}) {
  const limit_ms = within_ms * patience;
  const end = performance.now() + limit_ms;
  let last;
  for (;;) {
    try {
      last = await condition();
      if (last) return last;
    } catch (error) {
      if (error?.final) throw error;
      last = error;
    }
    if (performance.now() > end) {
      const seen = last instanceof Error ? last.message : JSON.stringify(last);
      throw new Error(`waited ${limit_ms} ms for: ${what}; last seen: ${seen}`);
    }
    await new Promise((wake) => setTimeout(wake, every_ms));
  }
}

/** An error that ends a wait at once: the condition can never come true. */
export function final(message) {
  return Object.assign(new Error(message), { final: true });
}
