import { api } from '$/api/client';
import type { Video } from '$/api/types';
import { t } from '$/i18n/i18n.svelte';
import { toasts } from '$/state/toast.svelte';
import { clips } from './clips.svelte';

/** The address of a clip, also when the server cannot be asked. */
export const address = (video: Video): string => `${location.origin}/v/${video.id}`;

/** Counts the share; the words and the address come first. */
export async function count_share(video: Video): Promise<void> {
  try {
    clips.of(video).shares = (await api.share(video.id)).shares;
  } catch {
    // The link works all the same.
  }
}

export async function copy_text(text: string, done: string): Promise<void> {
  try {
    await navigator.clipboard.writeText(text);
    toasts.show(done, { kind: 'good' });
  } catch {
    // Not allowed to write: the person can copy it from here.
    toasts.show(text);
  }
}

export async function copy_link(video: Video): Promise<void> {
  await copy_text(address(video), t('menu.link_copied'));
  await count_share(video);
}
