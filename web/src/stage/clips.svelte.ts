/** What this person did to clips, shown before the server answers and undone with a word if it fails. */
import { api } from '$/api/client';
import type { Id, Video } from '$/api/types';
import { t } from '$/i18n/i18n.svelte';
import { session } from '$/state/session.svelte';
import { toasts } from '$/state/toast.svelte';

/** Clips remembered at once; the oldest are told by the server again. */
const remembered_max = 600;

export class ClipState {
  liked = $state(false);
  likes = $state(0);
  saved = $state(false);
  saves = $state(0);
  comments = $state(0);
  shares = $state(0);
  #busy = { like: false, save: false };
  /** When this person last did something to it: what the server was asked before does not know of that. */
  #touched_ms = -Infinity;
  readonly #id: Id;

  constructor(video: Video) {
    this.#id = video.id;
    this.take(video, performance.now());
  }

  /** Takes over what the server answered to a question of `asked_ms`, unless the person has done something since. */
  take(video: Video, asked_ms: number): void {
    if (this.#busy.like || this.#busy.save || this.#touched_ms >= asked_ms) return;
    this.liked = video.mine.liked;
    this.likes = video.counts.likes;
    this.saved = video.mine.saved;
    this.saves = video.counts.saves;
    this.comments = video.counts.comments;
    this.shares = video.counts.shares;
  }

  /** One comment more or less, by this person. */
  talked(by: number): void {
    this.#touched_ms = performance.now();
    this.comments = Math.max(0, this.comments + by);
  }

  async like(on: boolean): Promise<void> {
    if (!session.require() || on === this.liked) return;
    this.liked = on;
    this.likes = Math.max(0, this.likes + (on ? 1 : -1));
    if (this.#busy.like) return;
    this.#busy.like = true;
    let told = !on;
    try {
      // Taps that came meanwhile are told too, in one more call.
      while (told !== this.liked) {
        const wish = this.liked;
        const answer = await api.like(this.#id, wish);
        told = wish;
        if (this.liked === wish) this.likes = answer.likes;
      }
    } catch (error) {
      if (this.liked !== told) this.likes = Math.max(0, this.likes + (told ? 1 : -1));
      this.liked = told;
      if (!session.noticed(error)) toasts.failed(error, t('stage.like_failed'));
    } finally {
      this.#touched_ms = performance.now();
      this.#busy.like = false;
    }
  }

  async save(on: boolean): Promise<void> {
    if (!session.require() || on === this.saved) return;
    this.saved = on;
    this.saves = Math.max(0, this.saves + (on ? 1 : -1));
    if (this.#busy.save) return;
    this.#busy.save = true;
    let told = !on;
    try {
      while (told !== this.saved) {
        const wish = this.saved;
        const answer = await api.save(this.#id, wish);
        told = wish;
        if (this.saved === wish) this.saves = answer.saves;
      }
    } catch (error) {
      if (this.saved !== told) this.saves = Math.max(0, this.saves + (told ? 1 : -1));
      this.saved = told;
      if (!session.noticed(error)) toasts.failed(error, t('stage.save_failed'));
    } finally {
      this.#touched_ms = performance.now();
      this.#busy.save = false;
    }
  }
}

class Clips {
  #known = new Map<Id, ClipState>();

  of(video: Video): ClipState {
    let state = this.#known.get(video.id);
    if (!state) {
      state = new ClipState(video);
      this.#known.set(video.id, state);
      const oldest = this.#known.keys().next().value;
      if (this.#known.size > remembered_max && oldest !== undefined) this.#known.delete(oldest);
    }
    return state;
  }

  /** The server has said something newer about these clips, asked at `asked_ms`. */
  refresh(videos: Video[], asked_ms: number): void {
    for (const video of videos) this.#known.get(video.id)?.take(video, asked_ms);
  }

  /** Another person is here. */
  clear(): void {
    this.#known.clear();
  }
}

export const clips = new Clips();
