/** The list that a clip was opened from, so that the stage can go on through it. */
import type { Video } from '$/api/types';

export interface Playlist {
  videos: Video[];
  /** The next videos of the list; empty at its end. */
  more?: () => Promise<Video[]>;
}

class OpenedFrom {
  list = $state.raw<Playlist | null>(null);

  /** Remembers the list; the stage at `/v/:id` takes it up if it holds that clip. */
  open(list: Playlist): void {
    this.list = list;
  }

  clear(): void {
    this.list = null;
  }

  holding(id: string): Playlist | null {
    return this.list?.videos.some((video) => video.id === id) ? this.list : null;
  }
}

export const opened_from = new OpenedFrom();
