import type { Taste } from '$/api/types';
import { t } from '$/i18n/i18n.svelte';

/** What the person did with the clips of a topic. */
export const topic_text = (topic: Taste['topics'][number]): string =>
  t(topic.weight < 0 ? 'taste.turned_away' : 'taste.stayed', { finished: topic.finished, watched: topic.watched });
