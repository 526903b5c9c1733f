/** The server's stream for the person who is signed in: unread count and the progress of uploads. */
import { api } from '$/api/client';
import type { UploadedVideo } from '$/api/types';

class Live {
  unread = $state(0);
  #source: EventSource | null = null;
  #listeners = new Set<(upload: UploadedVideo) => void>();

  /** Calls `listener` for every step of one of this person's uploads. Returns the end of it. */
  on_upload(listener: (upload: UploadedVideo) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  open(): void {
    if (this.#source) return;
    api.inbox_unread().then(
      ({ count }) => (this.unread = count),
      () => {},
    );
    const source = new EventSource(api.stream_url);
    source.addEventListener('inbox', (event) => {
      this.unread = Number(JSON.parse(event.data).count) || 0;
    });
    source.addEventListener('upload', (event) => {
      const upload = JSON.parse(event.data) as UploadedVideo;
      for (const listener of this.#listeners) listener(upload);
    });
    this.#source = source;
  }

  close(): void {
    this.#source?.close();
    this.#source = null;
    this.unread = 0;
  }
}

export const live = new Live();
