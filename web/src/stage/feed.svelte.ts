/** A vertical list of clips that goes on: the feeds of the server, or the list that a clip was opened from. */
import { api, ApiError } from '$/api/client';
import type { Explain, FeedItem, Id, Video, Why } from '$/api/types';
import { opened_from } from '$/state/playlist.svelte';
import { session } from '$/state/session.svelte';
import { stored } from '$/platform/stored';
import { clips } from './clips.svelte';
import { events } from './events';

export interface StageItem {
  /** Unique in the list, also when a clip comes again. */
  key: string;
  video: Video;
  slate?: string;
  position?: number;
  why: Why[];
  explain: Explain | null;
}

interface Batch {
  items: StageItem[];
  fallback: boolean;
  /** Nothing comes after it. */
  last: boolean;
}

/** Clips asked for at once. Few, so that what the viewer does changes what comes soon. */
const page_size = 6;
/** The next page is asked for when this many are left. */
const left_min = 2;
/** Beyond this the oldest clips are let go, so that a long evening does not fill the memory. */
const held_max = 240;
const dropped_at_once = 120;

export class Feed {
  items = $state.raw<StageItem[]>([]);
  active = $state(0);
  loading = $state(false);
  /** The server had nothing more. */
  ended = $state(false);
  fallback = $state(false);
  error = $state.raw<unknown>(null);
  /** Counts refreshes, so that the stage goes back to the top. */
  epoch = $state(0);
  readonly #next: (held: StageItem[]) => Promise<Batch>;
  readonly #again: (() => StageItem[]) | null;
  readonly #removed = new Set<Id>();
  #serial = 0;

  /** `again` gives the first clips of a list that does not come from the server's feeds. */
  constructor(next: (held: StageItem[]) => Promise<Batch>, again: (() => StageItem[]) | null = null) {
    this.#next = next;
    this.#again = again;
  }

  get current(): StageItem | null {
    return this.items[this.active] ?? null;
  }

  start(): void {
    if (this.#low) void this.more();
  }

  /** Called when another clip becomes the current one. */
  reach(index: number): void {
    this.active = index;
    if (this.#low) void this.more();
  }

  async more(): Promise<void> {
    if (this.loading || this.ended) return;
    this.loading = true;
    this.error = null;
    const serial = ++this.#serial;
    try {
      const batch = await this.#next(this.items.slice(this.active));
      if (serial !== this.#serial) return;
      this.items = [...this.items, ...batch.items];
      this.fallback = batch.fallback;
      this.ended = batch.last;
    } catch (error) {
      if (serial === this.#serial) this.error = error;
    } finally {
      if (serial === this.#serial) this.loading = false;
    }
    if (serial === this.#serial && this.error === null && this.#low) await this.more();
  }

  get #low(): boolean {
    return this.items.length - 1 - this.active <= left_min;
  }

  /** There may be more than there was when the end was reached. */
  async grown(): Promise<void> {
    if (!this.ended) return;
    this.ended = false;
    await this.more();
  }

  /** Forgets what is held and asks anew. */
  async refresh(): Promise<void> {
    this.clear();
    this.items = (this.#again?.() ?? []).filter((item) => !this.#removed.has(item.video.id));
    await this.more();
  }

  /** Forgets what is held; the next look asks anew. */
  clear(): void {
    this.#serial++;
    this.loading = false;
    this.ended = false;
    this.fallback = false;
    this.error = null;
    this.items = [];
    this.active = 0;
    this.epoch++;
  }

  /** How many clips to drop from the front; 0 while the list is short. */
  get surplus(): number {
    return this.items.length > held_max ? Math.min(dropped_at_once, this.active - 5) : 0;
  }

  drop(count: number): void {
    this.items = this.items.slice(count);
    this.active -= count;
  }

  /** Takes one clip out wherever it stands; the place goes to the clip after it. */
  remove(id: Id): void {
    this.#removed.add(id);
    const before = this.items.slice(0, this.active).filter((item) => item.video.id === id).length;
    this.items = this.items.filter((item) => item.video.id !== id);
    this.active = Math.min(this.active - before, Math.max(0, this.items.length - 1));
    this.epoch++;
    if (this.#low) void this.more();
  }

  /** Takes clips that are still to come out of the list. */
  remove_ahead(gone: (video: Video) => boolean): void {
    this.items = this.items.filter((item, index) => index <= this.active || !gone(item.video));
    if (this.#low) void this.more();
  }
}

let served = 0;

function staged(item: FeedItem, slate: string): StageItem {
  served++;
  return {
    key: `${slate}.${item.position}.${served}`,
    video: item.video,
    slate,
    position: item.position,
    why: item.why,
    explain: item.explain,
  };
}

const plain = (video: Video): StageItem => ({ key: `plain.${video.id}.${++served}`, video, why: [], explain: null });

/** Where the last page is kept, for a start without a connection. */
export const kept_key = 'last_page';

async function from_server(tab: 'for_you' | 'following', held: StageItem[]): Promise<Batch> {
  await session.ready();
  // What was just watched is on the server before the next page is made.
  await events.flush();
  const asked_ms = performance.now();
  const page = await api.feed({ tab, limit: page_size, explain: true, exclude: held.map((item) => item.video.id) });
  clips.refresh(
    page.items.map((item) => item.video),
    asked_ms,
  );
  if (tab === 'for_you' && page.items.length > 0) stored.set(kept_key, JSON.stringify(page.items.map((item) => item.video)));
  return { items: page.items.map((item) => staged(item, page.slate)), fallback: page.fallback, last: page.items.length === 0 };
}

/** The clips of the last page that lie on this device with their picture. */
async function from_device(): Promise<StageItem[]> {
  try {
    const videos = JSON.parse(stored.get(kept_key) ?? '[]') as Video[];
    const there = await Promise.all(videos.map(async (video) => (await caches.match(video.playlist_url)) !== undefined));
    return videos.filter((_, i) => there[i]).map(plain);
  } catch {
    return [];
  }
}

export const for_you = new Feed(async (held) => {
  try {
    return await from_server('for_you', held);
  } catch (error) {
    if (held.length === 0 && error instanceof ApiError && error.code === 'offline') {
      const items = await from_device();
      if (items.length > 0) return { items, fallback: false, last: false };
    }
    throw error;
  }
});

export const following = new Feed((held) => from_server('following', held));

/** The feed of one clip: on through the list that it was opened from, or through For You after it. */
export function clip_feed(id: Id): Feed {
  const list = opened_from.holding(id);
  if (list) {
    const videos = [...list.videos];
    const feed = new Feed(
      async () => {
        const more = (await list.more?.()) ?? [];
        videos.push(...more);
        return { items: more.map(plain), fallback: false, last: more.length === 0 };
      },
      () => videos.map(plain),
    );
    feed.items = videos.map(plain);
    feed.active = Math.max(0, list.videos.findIndex((video) => video.id === id));
    return feed;
  }
  let opened: Video | null = null;
  return new Feed(
    async (held) => {
      if (opened) return from_server('for_you', held);
      await session.ready();
      opened = await api.video(id);
      return { items: [plain(opened)], fallback: false, last: false };
    },
    () => (opened ? [plain(opened)] : []),
  );
}
