import { expect, test } from 'vitest';
import { parts } from './text';

test('hashtags and handles become links, the rest stays text', () => {
  const links = (text: string) => parts(text).filter((part) => part.href).map((part) => [part.text, part.href]);
  expect(links('At sea #Calm, with @mira')).toEqual([['#Calm', '/t/calm'], ['@mira', '/@mira']]);
  expect(links('安静 #日落 #治愈')).toEqual([['#日落', '/t/%E6%97%A5%E8%90%BD'], ['#治愈', '/t/%E6%B2%BB%E6%84%88']]);
  expect(links('a#b me@example.org https://x.org/#top')).toEqual([]);
  expect(parts('x #y z').map((part) => part.text).join('')).toBe('x #y z');
});
