/** The queue of this page: real storage, real network, flushed when the page is hidden. */
import { api, ApiError } from '$/api/client';
import type { EventKind, ViewEvent } from '$/api/types';
import { session } from '$/state/session.svelte';
import { EventQueue, held_max, type Shelf } from './event_queue';

const prefix = 'watershed.events.';

/** Each tab writes its own shelf; a new tab takes over what closed ones left. */
function browser_shelf(): Shelf {
  const own = prefix + crypto.randomUUID();
  return {
    load() {
      const found: ViewEvent[] = [];
      try {
        const keys = Object.keys(localStorage).filter((key) => key.startsWith(prefix));
        for (const key of keys) {
          try {
            const events: unknown = JSON.parse(localStorage.getItem(key) ?? '[]');
            if (Array.isArray(events)) found.push(...(events as ViewEvent[]));
          } catch {
            // Not ours to understand; it goes.
          }
          localStorage.removeItem(key);
        }
        const kept = found.slice(-held_max);
        if (kept.length > 0) localStorage.setItem(own, JSON.stringify(kept));
        return kept;
      } catch {
        return found;
      }
    },
    save(events) {
      try {
        if (events.length === 0) localStorage.removeItem(own);
        else localStorage.setItem(own, JSON.stringify(events));
      } catch {
        // Full or forbidden: the events live as long as the page.
      }
    },
  };
}

const queue = new EventQueue({
  send: (events, keepalive) => api.events(events, keepalive),
  shelf: browser_shelf(),
  worth_retrying: (error) => !(error instanceof ApiError) || error.status === 0 || error.status === 429 || error.status >= 500,
  later(run, after_ms) {
    const timer = setTimeout(run, after_ms);
    return () => clearTimeout(timer);
  },
});

/** Called before the page is hidden, so that a view still going on is told too. */
const parting = new Set<() => void>();

function part() {
  for (const tell of parting) tell();
  queue.part();
}
document.addEventListener('visibilitychange', () => {
  if (document.visibilityState === 'hidden') part();
});
addEventListener('pagehide', part);
addEventListener('online', () => void queue.flush());
session.before_change(() => queue.flush());

export const events = {
  record(type: EventKind, about: Omit<ViewEvent, 'id' | 'type' | 'at_ms'>): void {
    queue.record({ id: crypto.randomUUID(), type, at_ms: Date.now(), ...about });
  },
  flush: () => queue.flush(),
  on_part(tell: () => void): () => void {
    parting.add(tell);
    return () => parting.delete(tell);
  },
};
