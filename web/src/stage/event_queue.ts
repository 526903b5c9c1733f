/**
 * Views on their way to the server. An event leaves the queue only when the server has acknowledged it; until then it is also
 * on the device, so that a closed page or a lost connection loses nothing. Sending one twice is harmless: its id counts once.
 */
import type { EventsAck, ViewEvent } from '$/api/types';

/** The oldest give way beyond this. */
export const held_max = 500;
const batch_max = 100;
const wait_ms = 2000;
const batch_soon = 12;
const retry_first_ms = 1000;
const retry_last_ms = 60_000;

export interface Shelf {
  load(): ViewEvent[];
  save(events: ViewEvent[]): void;
}

export interface Outside {
  send(events: ViewEvent[], keepalive: boolean): Promise<EventsAck>;
  shelf: Shelf;
  /** Whether sending the same batch again can help. */
  worth_retrying(error: unknown): boolean;
  later(run: () => void, after_ms: number): () => void;
}

export class EventQueue {
  #held: ViewEvent[];
  #flight: Promise<void> | null = null;
  #cancel: (() => void) | null = null;
  #retry_ms = retry_first_ms;
  readonly #outside: Outside;

  constructor(outside: Outside) {
    this.#outside = outside;
    this.#held = outside.shelf.load().slice(-held_max);
    if (this.#held.length > 0) this.#soon(wait_ms);
  }

  get size(): number {
    return this.#held.length;
  }

  record(event: ViewEvent): void {
    this.#held.push(event);
    if (this.#held.length > held_max) this.#held.splice(0, this.#held.length - held_max);
    this.#outside.shelf.save(this.#held);
    this.#soon(this.#held.length >= batch_soon ? 0 : wait_ms);
  }

  /** Sends everything held. Resolves when it is acknowledged, or when a batch failed: then the queue tries again by itself. */
  async flush(): Promise<void> {
    while (this.#flight) await this.#flight;
    if (this.#held.length === 0) return;
    this.#flight = this.#drain(false).finally(() => (this.#flight = null));
    await this.#flight;
  }

  /** The page is going away: one request that outlives it. What it carries stays held until the next visit knows better. */
  part(): void {
    if (this.#held.length > 0) void this.#attempt(this.#held.slice(-batch_max), true);
  }

  async #drain(keepalive: boolean): Promise<void> {
    while (this.#held.length > 0) {
      if (!(await this.#attempt(this.#held.slice(0, batch_max), keepalive))) return;
    }
  }

  /** True when the batch is off the queue. */
  async #attempt(batch: ViewEvent[], keepalive: boolean): Promise<boolean> {
    try {
      await this.#outside.send(batch, keepalive);
    } catch (error) {
      if (this.#outside.worth_retrying(error)) {
        this.#soon(this.#retry_ms);
        this.#retry_ms = Math.min(this.#retry_ms * 2, retry_last_ms);
        return false;
      }
    }
    this.#retry_ms = retry_first_ms;
    const done = new Set(batch.map((event) => event.id));
    this.#held = this.#held.filter((event) => !done.has(event.id));
    this.#outside.shelf.save(this.#held);
    return true;
  }

  #soon(after_ms: number): void {
    if (this.#cancel && after_ms > 0) return;
    this.#cancel?.();
    this.#cancel = this.#outside.later(() => {
      this.#cancel = null;
      void this.flush();
    }, after_ms);
  }
}
