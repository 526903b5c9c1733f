/** One of the three video elements, and what it plays. */
import type Hls from 'hls.js';
import type { Video } from '$/api/types';
import { load_engine, native_hls } from './engine';
import { held_ahead_s, playing_ahead_s, smooth } from './policy';
import { sound } from './sound.svelte';

/** Bits a second, as the last clip measured it: the next starts with the rendition that fits. */
let bandwidth_bps = first_estimate();

function first_estimate(): number {
  const told_mbps = (navigator as { connection?: { downlink?: number } }).connection?.downlink;
  return told_mbps ? Math.min(8_000_000, Math.max(400_000, told_mbps * 700_000)) : 3_000_000;
}

const retries_max = 3;

export class Player {
  /** Place in the feed, `null` while idle. */
  index = $state<number | null>(null);
  /** The first frame is there. */
  shown = $state(false);
  playing = $state(false);
  /** Waiting for data while it should play. */
  stalled = $state(false);
  failed = $state(false);
  /** The feed's clip that plays here. */
  video = $state.raw<Video | null>(null);
  key = $state<string | null>(null);

  #element: HTMLVideoElement | null = null;
  #hls: Hls | null = null;
  #loads = false;
  #stopped = false;
  #current = false;
  #wants_play = false;
  #turn = 0;
  #retries = 0;
  #rate = 1;

  attach(element: HTMLVideoElement): () => void {
    this.#element = element;
    element.muted = true;
    const on = (name: string, run: () => void) => element.addEventListener(name, run);
    on('playing', () => {
      this.playing = true;
      this.stalled = false;
      this.#retries = 0;
    });
    on('pause', () => (this.playing = false));
    on('waiting', () => (this.stalled = this.#current));
    on('canplay', () => {
      this.stalled = false;
      // Attaching a source ends a `play` that was asked for before it.
      if (this.#wants_play && element.paused) void this.play();
    });
    on('loadeddata', () => this.#first_frame());
    on('error', () => {
      if (native_hls && element.error) this.failed = true;
    });
    return () => {
      this.release();
      this.#element = null;
    };
  }

  get element(): HTMLVideoElement | null {
    return this.#element;
  }
  get at_s(): number {
    return this.#element?.currentTime ?? 0;
  }
  get duration_s(): number {
    const length = this.#element?.duration ?? 0;
    return Number.isFinite(length) && length > 0 ? length : (this.video?.duration_ms ?? 0) / 1000;
  }
  /** The end of what is there ahead of the current place. */
  get buffered_s(): number {
    const ranges = this.#element?.buffered;
    if (!ranges) return 0;
    for (let i = 0; i < ranges.length; i++) {
      if (ranges.start(i) <= this.at_s + 0.3 && ranges.end(i) >= this.at_s) return ranges.end(i);
    }
    return 0;
  }
  get smooth(): boolean {
    return (
      this.#element !== null &&
      this.#element.readyState >= 3 &&
      smooth({ at_s: this.at_s, buffered_s: this.buffered_s, duration_s: this.duration_s, stalled: this.stalled })
    );
  }
  /** Its first segment is there: a swipe would show a moving picture at once. */
  get ready(): boolean {
    return (this.#element?.readyState ?? 0) >= 2;
  }

  /** Takes a clip; nothing is fetched before `load`. */
  take(index: number, key: string, video: Video): void {
    if (this.key === key) {
      this.index = index;
      return;
    }
    this.release();
    this.index = index;
    this.key = key;
    this.video = video;
  }

  /** Lets go of everything. */
  release(): void {
    this.#turn++;
    this.#hls?.destroy();
    this.#hls = null;
    this.#loads = false;
    this.#stopped = false;
    this.#current = false;
    this.#wants_play = false;
    this.#retries = 0;
    this.index = null;
    this.key = null;
    this.video = null;
    this.shown = false;
    this.playing = false;
    this.stalled = false;
    this.failed = false;
    const element = this.#element;
    if (element?.hasAttribute('src')) {
      element.removeAttribute('src');
      element.load();
    }
  }

  /** Fetches the clip: its first segment while it waits, on from there once it is the current one. */
  load(current: boolean): void {
    const element = this.#element;
    if (!element || !this.video) return;
    this.#current = current;
    if (this.#hls) {
      this.#hls.config.maxBufferLength = current ? playing_ahead_s : held_ahead_s;
      if (this.#stopped) this.#hls.startLoad(-1);
      this.#stopped = false;
      return;
    }
    if (this.#loads) return;
    this.#loads = true;
    if (native_hls) {
      element.preload = 'auto';
      element.src = this.video.playlist_url;
      element.load();
      return;
    }
    void this.#attach_hls(this.video.playlist_url, ++this.#turn);
  }

  /** Stops fetching: the current clip needs the line. */
  hold_back(): void {
    this.#current = false;
    if (!this.#hls || this.#stopped) return;
    this.#hls.stopLoad();
    this.#stopped = true;
  }

  async play(): Promise<void> {
    const element = this.#element;
    if (!element) return;
    this.#current = true;
    this.#wants_play = true;
    element.playbackRate = this.#rate;
    element.muted = sound.muted;
    try {
      await element.play();
    } catch (error) {
      if (!(error instanceof DOMException) || error.name !== 'NotAllowedError' || element.muted) return;
      sound.forced = true;
      element.muted = true;
      await element.play().catch(() => {});
    }
  }

  pause(): void {
    this.#wants_play = false;
    this.#element?.pause();
  }

  /** Pauses and goes back to the first frame, ready to be swiped to again. */
  rest(): void {
    const element = this.#element;
    this.#wants_play = false;
    if (!element) return;
    element.pause();
    element.muted = true;
    if (element.currentTime > 0) element.currentTime = 0;
  }

  seek(at_s: number): void {
    if (this.#element) this.#element.currentTime = Math.max(0, Math.min(at_s, this.duration_s - 0.05));
  }

  set muted(muted: boolean) {
    if (this.#element) this.#element.muted = muted;
  }

  set rate(rate: number) {
    this.#rate = rate;
    if (this.#element) this.#element.playbackRate = rate;
  }

  /** After a failure: from the beginning. */
  again(): void {
    const { index, key, video } = this;
    if (index === null || key === null || !video) return;
    this.release();
    this.take(index, key, video);
    this.load(true);
    void this.play();
  }

  async #attach_hls(url: string, turn: number): Promise<void> {
    let module: typeof import('hls.js');
    try {
      module = await load_engine();
    } catch {
      if (turn === this.#turn) this.failed = true;
      return;
    }
    const element = this.#element;
    if (turn !== this.#turn || !element) return;
    const { default: HlsPlayer, Events, ErrorTypes } = module;
    const hls = new HlsPlayer({
      // Fragmented MP4 passes through untouched; a worker would only cost start-up.
      enableWorker: false,
      maxBufferLength: this.#current ? playing_ahead_s : held_ahead_s,
      maxMaxBufferLength: 30,
      backBufferLength: 60,
      capLevelToPlayerSize: true,
      startLevel: -1,
      startFragPrefetch: true,
      abrEwmaDefaultEstimate: bandwidth_bps,
      testBandwidth: false,
    });
    this.#hls = hls;
    hls.on(Events.FRAG_BUFFERED, () => {
      if (Number.isFinite(hls.bandwidthEstimate)) bandwidth_bps = hls.bandwidthEstimate;
    });
    hls.on(Events.ERROR, (_name, data) => {
      if (!data.fatal || this.#hls !== hls) return;
      if (this.#retries++ >= retries_max) {
        this.failed = true;
      } else if (data.type === ErrorTypes.NETWORK_ERROR) {
        setTimeout(() => this.#hls === hls && hls.loadSource(url), 600 * 2 ** this.#retries);
      } else if (data.type === ErrorTypes.MEDIA_ERROR) {
        hls.recoverMediaError();
      } else {
        this.failed = true;
      }
    });
    hls.attachMedia(element);
    hls.loadSource(url);
  }

  #first_frame(): void {
    this.failed = false;
    const turn = this.#turn;
    const show = () => {
      if (turn === this.#turn) this.shown = true;
    };
    // A frame callback comes only for a frame that is drawn; a clip that waits out of sight may never get one.
    if (this.#current && 'requestVideoFrameCallback' in HTMLVideoElement.prototype) {
      this.#element?.requestVideoFrameCallback(show);
      setTimeout(show, 120);
    } else {
      show();
    }
  }
}
