/** One answer of the server, with its waiting and its failing. Asked again when the connection comes back. */
import { ApiError } from '$/api/client';
import { session } from '$/state/session.svelte';

export class Loaded<T> {
  value = $state.raw<T | null>(null);
  error = $state.raw<unknown>(null);
  loading = $state(false);
  readonly #fetch: () => Promise<T>;
  /** Counts the calls: only the latest may set the value. */
  #turn = 0;

  constructor(fetch: () => Promise<T>) {
    this.#fetch = fetch;
    void this.load();
    $effect(() => {
      const again = () => {
        if (this.error instanceof ApiError && this.error.code === 'offline') void this.load();
      };
      addEventListener('online', again);
      return () => removeEventListener('online', again);
    });
  }

  load = async (): Promise<void> => {
    const turn = ++this.#turn;
    this.loading = true;
    this.error = null;
    try {
      // Until the first answer of the server there is no viewer to ask for.
      await session.ready();
      const value = await this.#fetch();
      if (turn === this.#turn) this.value = value;
    } catch (error) {
      if (turn === this.#turn) this.error = error;
    } finally {
      if (turn === this.#turn) this.loading = false;
    }
  };
}
