/** Which player the browser gets, and its code: hls.js, fetched when first needed. */
import { chunk } from '$/platform/chunk';

type Engine = typeof import('hls.js');

const media_source = 'ManagedMediaSource' in globalThis || 'MediaSource' in globalThis;

/** Apple's own player is kinder to the battery and knows its screens; elsewhere only where there is nothing else. */
export const native_hls =
  document.createElement('video').canPlayType('application/vnd.apple.mpegurl') !== '' &&
  ('webkitShowPlaybackTargetPicker' in HTMLVideoElement.prototype || !media_source);

let loading: Promise<Engine> | null = null;

/** A failed load is tried again by the next call. */
export function load_engine(): Promise<Engine> {
  loading ??= chunk(() => import('hls.js')).catch((error: unknown) => {
    loading = null;
    throw error;
  });
  return loading;
}

/** Starts to fetch the code before the first clip is known. */
export function warm_up(): void {
  if (!native_hls) void load_engine().catch(() => {});
}
