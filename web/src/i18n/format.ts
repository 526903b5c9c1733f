import type { Language } from '$/api/types';

/** One decimal below 100 of a unit, none above, never rounded up past what is true: 12345 is 12.3K, 999999 is 999K. */
function shorten(value: number, unit: number, suffix: string): string {
  const scaled = value / unit;
  const text = scaled < 100 ? (Math.floor(scaled * 10) / 10).toString() : Math.floor(scaled).toString();
  return text + suffix;
}

/** Shortens a count the way the language does: thousands in English, ten-thousands in Chinese. */
export function short_count(value: number, language: Language): string {
  if (!Number.isFinite(value) || value <= 0) return '0';
  const whole = Math.floor(value);
  if (language === 'zh') {
    if (whole >= 1e8) return shorten(whole, 1e8, '亿');
    if (whole >= 1e4) return shorten(whole, 1e4, '万');
    return String(whole);
  }
  if (whole >= 1e9) return shorten(whole, 1e9, 'B');
  if (whole >= 1e6) return shorten(whole, 1e6, 'M');
  if (whole >= 1e3) return shorten(whole, 1e3, 'K');
  return String(whole);
}

/** `0:07`, `12:03`. */
export function clock(ms: number): string {
  const s = Math.max(0, Math.floor(ms / 1000));
  return `${Math.floor(s / 60)}:${String(s % 60).padStart(2, '0')}`;
}

const steps: [Intl.RelativeTimeFormatUnit, number][] = [
  ['year', 365 * 86_400_000],
  ['month', 30 * 86_400_000],
  ['week', 7 * 86_400_000],
  ['day', 86_400_000],
  ['hour', 3_600_000],
  ['minute', 60_000],
];

/** The time between, in the largest unit that fits; `null` under a minute. */
export function time_ago(at_ms: number, now_ms: number, language: Language): string | null {
  const past = now_ms - at_ms;
  for (const [unit, unit_ms] of steps) {
    if (Math.abs(past) >= unit_ms) {
      const format = new Intl.RelativeTimeFormat(language, { style: 'narrow', numeric: 'always' });
      return format.format(-Math.trunc(past / unit_ms), unit);
    }
  }
  return null;
}
