import { expect, test } from 'vitest';
import { clock, short_count, time_ago } from './format';

test('counts are shortened the way the language does', () => {
  const check = (value: number, en: string, zh: string) => {
    expect(short_count(value, 'en')).toBe(en);
    expect(short_count(value, 'zh')).toBe(zh);
  };
  check(0, '0', '0');
  check(999, '999', '999');
  check(1000, '1K', '1000');
  check(12_345, '12.3K', '1.2万');
  check(999_999, '999K', '99.9万');
  check(1_250_000, '1.2M', '125万');
  check(123_456_789, '123M', '1.2亿');
});

test('lengths and ages', () => {
  expect(clock(7_400)).toBe('0:07');
  expect(clock(723_000)).toBe('12:03');
  const now = 1_800_000_000_000;
  expect(time_ago(now - 30_000, now, 'en')).toBeNull();
  expect(time_ago(now - 3 * 86_400_000, now, 'en')).toBe('3d ago');
  expect(time_ago(now - 3 * 86_400_000, now, 'zh')).toBe('3天前');
});
