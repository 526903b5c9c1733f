/** Whom this person follows, as far as this page has changed it: one truth for every button that shows it. */
import { SvelteMap } from 'svelte/reactivity';
import { api } from '$/api/client';
import { t } from '$/i18n/i18n.svelte';
import { session } from './session.svelte';
import { toasts } from './toast.svelte';

class People {
  #changed = new SvelteMap<string, boolean>();

  /** What holds now; `told` is what the server said when the person was loaded. */
  following(handle: string, told: boolean): boolean {
    return this.#changed.get(handle) ?? told;
  }

  async follow(handle: string, on: boolean): Promise<boolean> {
    if (!session.require()) return false;
    const before = this.#changed.get(handle);
    this.#changed.set(handle, on);
    try {
      const { following } = await api.follow(handle, on);
      this.#changed.set(handle, following);
      return true;
    } catch (error) {
      if (before === undefined) this.#changed.delete(handle);
      else this.#changed.set(handle, before);
      if (!session.noticed(error)) toasts.failed(error, t('stage.follow_failed'));
      return false;
    }
  }

  /** Forgets: another person signed in. */
  clear(): void {
    this.#changed.clear();
  }
}

export const people = new People();
