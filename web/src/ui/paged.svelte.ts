/** A list that the server hands out page by page. */
import type { List } from '$/api/types';
import type { Page } from '$/api/client';

export class Paged<T> {
  items = $state.raw<T[]>([]);
  loading = $state(false);
  done = $state(false);
  error = $state.raw<unknown>(null);
  #cursor: string | null = null;
  readonly #fetch: (page: Page) => Promise<List<T>>;
  readonly #limit: number;

  constructor(fetch: (page: Page) => Promise<List<T>>, limit = 24) {
    this.#fetch = fetch;
    this.#limit = limit;
  }

  /** True once the first answer came and held nothing. */
  get empty(): boolean {
    return this.done && this.items.length === 0;
  }

  /** Loads the next page; answers what it added. A second call while one runs adds nothing. */
  async more(): Promise<T[]> {
    if (this.loading || this.done) return [];
    this.loading = true;
    this.error = null;
    try {
      const page = await this.#fetch({ cursor: this.#cursor, limit: this.#limit });
      this.items = [...this.items, ...page.items];
      this.#cursor = page.next_cursor;
      this.done = page.next_cursor === null;
      return page.items;
    } catch (error) {
      this.error = error;
      return [];
    } finally {
      this.loading = false;
    }
  }

  remove(gone: (item: T) => boolean): void {
    this.items = this.items.filter((item) => !gone(item));
  }
}
