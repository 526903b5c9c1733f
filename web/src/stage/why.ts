/** Why a clip is here, in plain words. */
import type { Why } from '$/api/types';
import { i18n, t } from '$/i18n/i18n.svelte';

export function why_text(why: Why): string {
  const { code } = why;
  const counted = (why.watched ?? 0) > 1 && (why.finished ?? 0) > 0;
  switch (code) {
    case 'hashtag_affinity':
      if (!why.hashtag) return t('why.source_learned');
      return counted
        ? t('why.hashtag_affinity', { hashtag: why.hashtag, finished: why.finished ?? 0, watched: why.watched ?? 0 })
        : t('why.hashtag_affinity_plain', { hashtag: why.hashtag });
    case 'creator_affinity':
      if (!why.handle) return t('why.source_learned');
      return counted
        ? t('why.creator_affinity', { handle: why.handle, finished: why.finished ?? 0, watched: why.watched ?? 0 })
        : t('why.creator_affinity_plain', { handle: why.handle });
    case 'source_followed':
      return why.handle ? t('why.source_followed', { handle: why.handle }) : t('why.source_followed_plain');
    default: {
      const key = `why.${code}`;
      return i18n.has(key) ? t(key) : t('why.unknown');
    }
  }
}

/** The reasons that tell most first; what the viewer did says more than where the clip was found. */
export function told(why: Why[]): string[] {
  const rank = (code: string) => (code.startsWith('source_') || code === 'fallback' || code === 'seen_before' ? 1 : 0);
  const texts = [...why].sort((a, b) => rank(a.code) - rank(b.code)).map(why_text);
  return [...new Set(texts)];
}
