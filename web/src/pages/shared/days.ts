/** Lists of things that happened, by day. */
import { i18n, t } from '$/i18n/i18n.svelte';

const day_of = (at_ms: number) => new Date(at_ms).setHours(0, 0, 0, 0);

function name_of(day_ms: number): string {
  const days = Math.round((day_of(Date.now()) - day_ms) / 86_400_000);
  if (days <= 0) return t('day.today');
  if (days === 1) return t('day.yesterday');
  const same_year = new Date(day_ms).getFullYear() === new Date().getFullYear();
  return new Intl.DateTimeFormat(i18n.language === 'zh' ? 'zh-CN' : 'en', {
    weekday: days < 7 ? 'long' : undefined,
    month: 'long',
    day: 'numeric',
    year: same_year ? undefined : 'numeric',
  }).format(day_ms);
}

/** Items in their order, under the name of the day on which each happened. */
export function by_day<T extends { at_ms: number }>(items: T[]): { name: string; day_ms: number; items: T[] }[] {
  const days: { name: string; day_ms: number; items: T[] }[] = [];
  for (const item of items) {
    const day_ms = day_of(item.at_ms);
    const last = days.at(-1);
    if (last?.day_ms === day_ms) last.items.push(item);
    else days.push({ name: name_of(day_ms), day_ms, items: [item] });
  }
  return days;
}
