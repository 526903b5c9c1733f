/** Plays one sound at a time, from its playlist. */
import type Hls from 'hls.js';
import type { Sound } from '$/api/types';
import { t } from '$/i18n/i18n.svelte';
import { load_engine, native_hls } from '$/stage/engine';
import { toasts } from '$/state/toast.svelte';

class Listen {
  /** Id of the sound that plays. */
  playing = $state<string | null>(null);
  /** 0 to 1. */
  progress = $state(0);
  #audio: HTMLAudioElement | null = null;
  #hls: Hls | null = null;
  #turn = 0;

  toggle(sound: Sound): void {
    if (this.playing === sound.id) this.stop();
    else void this.#play(sound);
  }

  stop(): void {
    this.#turn++;
    this.playing = null;
    this.progress = 0;
    this.#hls?.destroy();
    this.#hls = null;
    this.#audio?.pause();
  }

  async #play(sound: Sound): Promise<void> {
    this.stop();
    const url = sound.audio_url;
    if (!url) return;
    const turn = this.#turn;
    this.playing = sound.id;
    try {
      const audio = (this.#audio ??= this.#make());
      if (native_hls || !url.endsWith('.m3u8')) {
        audio.src = url;
      } else {
        const { default: Player, Events } = await load_engine();
        if (turn !== this.#turn) return;
        this.#hls = new Player({ enableWorker: false, maxBufferLength: 30 });
        this.#hls.on(Events.ERROR, (_name, data) => {
          if (data.fatal) this.#failed();
        });
        this.#hls.loadSource(url);
        this.#hls.attachMedia(audio);
      }
      await audio.play();
    } catch (error) {
      if (turn === this.#turn && !(error instanceof DOMException && error.name === 'AbortError')) this.#failed();
    }
  }

  #make(): HTMLAudioElement {
    const audio = new Audio();
    audio.loop = true;
    audio.addEventListener('timeupdate', () => {
      this.progress = audio.duration > 0 && Number.isFinite(audio.duration) ? audio.currentTime / audio.duration : 0;
    });
    return audio;
  }

  #failed(): void {
    this.stop();
    toasts.show(t('sound.failed'), { kind: 'bad' });
  }
}

export const listen = new Listen();
