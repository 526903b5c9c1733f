import { expect, test } from 'vitest';
import { match } from './match';

test('addresses', () => {
  const check = (pattern: string, path: string, expected: Record<string, string> | null) =>
    expect(match(pattern, path)).toEqual(expected);
  check('/', '/', {});
  check('/following', '/following/', {});
  check('/v/:id', '/v/abc', { id: 'abc' });
  check('/v/:id', '/v', null);
  check('/t/:tag', '/t/%E6%97%A5%E8%90%BD', { tag: '日落' });
  check('/@:handle', '/@mira', { handle: 'mira' });
  check('/@:handle', '/@', null);
  check('/@:handle', '/mira', null);
  check('/v/:id', '/v/%zz', null);
});
