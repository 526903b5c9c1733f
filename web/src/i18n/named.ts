/** Words for names that the server uses; a name that has none is drawn as it is. */
import { i18n, t } from './i18n.svelte';

export function named(prefix: 'task' | 'source' | 'report' | 'job' | 'subject', name: string): string {
  const key = `${prefix}.${name}`;
  return i18n.has(key) ? t(key) : name.replaceAll('_', ' ');
}

/** What the server calls the sound that came with a video. */
const own_sound = 'Original sound';

export const sound_title = (sound: { title: string }): string => (sound.title === own_sound ? t('stage.sound_original') : sound.title);
