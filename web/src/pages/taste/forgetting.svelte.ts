/**
 * Clips that were taken out of the history here and can still be brought back for a moment. What is waiting is kept on the
 * device, so that a page that closes in between loses nothing: the next visit of the history finishes it.
 */
import { api } from '$/api/client';
import { t } from '$/i18n/i18n.svelte';
import { stored } from '$/platform/stored';
import { toasts } from '$/state/toast.svelte';

const undo_ms = 6000;
const kept_max = 100;
const key = 'forgetting';

class Forgetting {
  /** Ids that are out of sight; the server still knows them until their time is over. */
  ids = $state.raw<string[]>((stored.get(key) ?? '').split(',').filter(Boolean));
  #sent = new Set<string>();
  #timers = new Map<string, ReturnType<typeof setTimeout>>();

  constructor() {
    addEventListener('pagehide', () => this.finish(true));
  }

  forget(id: string): void {
    this.#sent.delete(id);
    this.#keep([...this.ids.filter((other) => other !== id), id]);
    this.#timers.set(id, setTimeout(() => void this.#send(id), undo_ms));
    toasts.show(t('history.removed'), { action: { label: t('action.undo'), run: () => this.bring_back(id) } });
  }

  bring_back(id: string): void {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    this.#keep(this.ids.filter((other) => other !== id));
  }

  /** Sends what is left from an earlier visit, or everything when the page closes; what was sent since may show again. */
  finish(leaving = false): void {
    for (const id of this.ids) {
      if (this.#sent.delete(id)) this.bring_back(id);
      else if (leaving || !this.#timers.has(id)) void this.#send(id, leaving);
    }
  }

  /** All is forgotten: nothing waits any more. */
  clear(): void {
    for (const id of [...this.ids]) this.bring_back(id);
  }

  async #send(id: string, leaving = false): Promise<void> {
    clearTimeout(this.#timers.get(id));
    this.#timers.delete(id);
    try {
      await api.forget_video(id, leaving);
      // It stays out of sight: the list on the page was loaded before.
      this.#sent.add(id);
      this.#store();
    } catch (error) {
      if (leaving) return;
      this.#keep(this.ids.filter((other) => other !== id));
      toasts.failed(error, t('history.not_removed'));
    }
  }

  #keep(ids: string[]): void {
    this.ids = ids.slice(-kept_max);
    this.#store();
  }

  #store(): void {
    stored.set(key, this.ids.filter((id) => !this.#sent.has(id)).join(','));
  }
}

export const forgetting = new Forgetting();
