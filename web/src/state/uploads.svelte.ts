/** The uploads of this visit. They belong to the app, not to a page, so that they survive navigation. */
import type { Upload as Sender } from 'tus-js-client';
import { api, ApiError } from '$/api/client';
import type { Refusal, Sound, UploadedVideo } from '$/api/types';
import { t } from '$/i18n/i18n.svelte';
import { chunk } from '$/platform/chunk';
import { live } from './live.svelte';
import { toasts } from './toast.svelte';

/** What is going on with one file, in the order in which it happens. */
export type Phase = 'sending' | 'paused' | 'checking' | 'ready' | 'processing' | 'published' | 'refused' | 'failed';

const items_max = 10;
const ask_every_ms = 600;
const look_every_ms = 4000;
const retry_delays_ms = [0, 1000, 3000, 5000, 10_000, 20_000];
const poster_width = 270;

const wait = (ms: number) => new Promise<void>((done) => setTimeout(done, ms));

let next_key = 1;

export class UploadItem {
  readonly key = next_key++;
  readonly file: File;
  /** Of the file on this device, for the preview. */
  readonly local_url: string;
  caption = $state('');
  sound = $state.raw<Sound | null>(null);
  phase = $state<Phase>('sending');
  sent_bytes = $state(0);
  error = $state.raw<unknown>(null);
  refusal = $state.raw<Refusal | null>(null);
  /** A picture of the file, made here, until the server has a better one. */
  local_poster = $state<string | null>(null);
  /** The person pressed "publish"; it happens as soon as the file is up and readable. */
  wanted = $state(false);
  video = $state.raw<UploadedVideo | null>(null);
  gone = false;
  #sender: Sender | null = null;
  #upload_id: string | null = null;

  constructor(file: File, sound: Sound | null) {
    this.file = file;
    this.sound = sound;
    this.local_url = URL.createObjectURL(file);
    void this.#make_poster();
  }

  /** 0 to 1, of the bytes. */
  get sent(): number {
    return this.file.size > 0 ? Math.min(1, this.sent_bytes / this.file.size) : 0;
  }
  /** Still to be described and published by the person. */
  get draft(): boolean {
    return !this.wanted && this.phase !== 'refused';
  }
  /** Stopped because there was no connection. */
  get cut_off(): boolean {
    return this.phase === 'failed' && this.error instanceof ApiError && this.error.code === 'offline';
  }
  get poster_url(): string | null {
    return this.video?.poster_url ?? this.local_poster;
  }

  async start(): Promise<void> {
    this.phase = 'sending';
    this.error = null;
    try {
      if (!this.#sender) {
        const { Upload } = await chunk(() => import('tus-js-client'));
        if (this.gone) return;
        this.#sender = new Upload(this.file, {
          endpoint: api.uploads_url,
          retryDelays: retry_delays_ms,
          metadata: { filename: this.file.name, filetype: this.file.type },
          removeFingerprintOnSuccess: true,
          onProgress: (sent) => (this.sent_bytes = sent),
          onError: (cause) => this.#fail(refused_by(cause)),
          onSuccess: () => void this.#check(),
        });
        const before = await this.#sender.findPreviousUploads();
        if (before[0]) this.#sender.resumeFromPreviousUpload(before[0]);
      }
      this.#sender.start();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  pause(): void {
    if (this.phase !== 'sending') return;
    this.phase = 'paused';
    void this.#sender?.abort().catch(() => {});
  }

  /** Goes on from wherever it stopped. */
  async retry(): Promise<void> {
    this.error = null;
    if (!this.#upload_id) return this.start();
    if (this.phase === 'failed' && this.wanted) return this.#publish();
    return this.#check();
  }

  /** Publishes once the file is up and readable. */
  publish(): void {
    this.wanted = true;
    if (this.phase === 'ready') void this.#publish();
  }

  /** Takes over what the server says of the work. */
  follow(video: UploadedVideo): void {
    this.video = video;
    if (video.status === 'published') {
      if (this.phase !== 'published') toasts.show(t('upload.live'), { kind: 'good' });
      this.phase = 'published';
    } else if (video.status === 'refused') {
      this.phase = 'refused';
      this.refusal = video.refusal;
    } else if (video.status === 'removed') {
      uploads.dismiss(this);
    }
  }

  /** Stops and gives back what was kept, here and on the server. */
  end(): void {
    this.gone = true;
    if (this.#sender && !this.video) void this.#sender.abort(true).catch(() => {});
    URL.revokeObjectURL(this.local_url);
    if (this.local_poster) URL.revokeObjectURL(this.local_poster);
  }

  #fail(cause: unknown): void {
    if (this.gone || this.phase === 'paused') return;
    this.error = cause;
    this.phase = 'failed';
  }

  async #check(): Promise<void> {
    this.sent_bytes = this.file.size;
    this.#upload_id = this.#sender?.url?.split('/').pop() ?? null;
    this.phase = 'checking';
    try {
      while (this.#upload_id && !this.gone) {
        const status = await api.upload_status(this.#upload_id);
        if (status.state === 'ready') {
          this.phase = 'ready';
          if (this.wanted) await this.#publish();
          return;
        }
        if (status.state === 'refused') {
          this.refusal = status.refusal ?? null;
          this.phase = 'refused';
          return;
        }
        await wait(ask_every_ms);
      }
    } catch (cause) {
      this.#fail(cause);
    }
  }

  async #publish(): Promise<void> {
    if (!this.#upload_id) return;
    this.phase = 'processing';
    try {
      this.follow(await api.publish({ upload: this.#upload_id, caption: this.caption.trim(), sound: this.sound?.id }));
      void this.#look();
    } catch (cause) {
      this.#fail(cause);
    }
  }

  /** The stream tells each step; a look now and then fills in what it missed. */
  async #look(): Promise<void> {
    while (!this.gone && this.phase === 'processing' && this.video) {
      await wait(look_every_ms);
      if (this.gone || this.phase !== 'processing') return;
      try {
        this.follow(await api.uploaded_video(this.video.id));
      } catch (cause) {
        if (cause instanceof ApiError && cause.status === 404) return uploads.dismiss(this);
      }
    }
  }

  /** Draws one frame of the file. A file that this browser cannot play goes without. */
  async #make_poster(): Promise<void> {
    const video = document.createElement('video');
    video.muted = true;
    video.preload = 'auto';
    const drawn = new Promise<void>((done, failed) => {
      video.onerror = () => failed(new Error('not playable here'));
      video.onloadeddata = () => (video.currentTime = Math.min(0.5, (video.duration || 0) / 4));
      video.onseeked = () => done();
    });
    video.src = this.local_url;
    try {
      await drawn;
      const canvas = document.createElement('canvas');
      canvas.width = poster_width;
      canvas.height = Math.round((poster_width * video.videoHeight) / video.videoWidth);
      canvas.getContext('2d')?.drawImage(video, 0, 0, canvas.width, canvas.height);
      const blob = await new Promise<Blob | null>((done) => canvas.toBlob(done, 'image/jpeg', 0.8));
      if (blob && !this.gone) this.local_poster = URL.createObjectURL(blob);
    } catch {
      // The server makes the poster then.
    } finally {
      video.removeAttribute('src');
      video.load();
    }
  }
}

/** The server's refusal within an error of the sender, so that it has words like any other. */
function refused_by(cause: unknown): unknown {
  const response = (cause as { originalResponse?: { getStatus(): number; getBody(): string } | null }).originalResponse;
  if (!response) return new ApiError(0, 'offline', 'no answer from the server');
  try {
    const problem = JSON.parse(response.getBody());
    return new ApiError(response.getStatus(), problem.code ?? 'unknown', problem.detail ?? '', problem);
  } catch {
    return new ApiError(response.getStatus(), 'unknown', '');
  }
}

class Uploads {
  items = $state.raw<UploadItem[]>([]);

  constructor() {
    live.on_upload((video) => this.items.find((item) => item.video?.id === video.id)?.follow(video));
    addEventListener('beforeunload', (event) => {
      if (this.items.some((item) => item.phase === 'sending' || (item.draft && item.caption.trim() !== ''))) event.preventDefault();
    });
    // The sender gives up after a while; the file goes on from where it stopped.
    addEventListener('online', () => {
      for (const item of this.items) if (item.cut_off) void item.retry();
    });
  }

  /** True while there is a card to show. */
  get active(): boolean {
    return this.items.length > 0;
  }

  /** Starts to send at once: the caption is written meanwhile. */
  add(files: Iterable<File>, sound: Sound | null = null): void {
    for (const file of files) {
      if (this.items.length >= items_max) {
        toasts.show(t('upload.too_many', { max: items_max }), { kind: 'bad' });
        return;
      }
      const item = new UploadItem(file, sound);
      this.items = [item, ...this.items];
      void item.start();
    }
  }

  dismiss(item: UploadItem): void {
    item.end();
    this.items = this.items.filter((other) => other !== item);
  }

  /** Whose they were is gone. What the server has taken over goes on there. */
  clear(): void {
    for (const item of this.items) item.end();
    this.items = [];
  }
}

export const uploads = new Uploads();
