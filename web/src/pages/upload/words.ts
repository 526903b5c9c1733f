/** What an upload is doing, and why one was not taken, in plain words. */
import type { Refusal, UploadedVideo } from '$/api/types';
import { i18n, t } from '$/i18n/i18n.svelte';
import type { UploadItem } from '$/state/uploads.svelte';

/** Share of the whole work that is behind when a step begins, and that the step takes. */
const steps: Record<UploadedVideo['step'], [number, number]> = {
  queued: [0, 0.02],
  probing: [0.02, 0.06],
  first_rendition: [0.08, 0.42],
  evaluating: [0.5, 0.2],
  renditions: [0.7, 0.3],
  done: [1, 0],
};

/** 0 to 1, of the server's work on a video. */
export function work_done(video: UploadedVideo): number {
  const [from, share] = steps[video.step] ?? [0, 0];
  return Math.min(1, from + share * video.progress);
}

export const step_text = (video: UploadedVideo): string => t(`step.${video.step}`);

export function refusal_text(refusal: Refusal | null): string {
  const key = `refusal.${refusal?.code}`;
  if (i18n.has(key)) return t(key);
  return refusal?.message ?? t('refusal.failed');
}

/** 0 to 100 for a bar: of the bytes first, then of the work. */
export function percent(item: UploadItem): number {
  if (item.phase === 'published') return 100;
  if (item.phase === 'processing' && item.video) return Math.round(work_done(item.video) * 100);
  return Math.round(item.sent * 100);
}

export function doing(item: UploadItem): string {
  switch (item.phase) {
    case 'sending':
      return t('upload.sending', { percent: percent(item) });
    case 'processing':
      return item.video ? step_text(item.video) : t('step.queued');
    case 'refused':
      return refusal_text(item.refusal);
    default:
      return t(`upload.${item.phase}`);
  }
}
