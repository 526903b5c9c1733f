import { expect, test } from 'vitest';
import { assign, fit, smooth, wanted, WheelSteps } from './policy';

test('the clips that are held lie where the viewer is heading', () => {
  expect(wanted(0, 10, 1)).toEqual([0, 1, 2]);
  expect(wanted(5, 10, 1)).toEqual([5, 6, 7]);
  expect(wanted(5, 10, -1)).toEqual([5, 4, 6]);
  expect(wanted(9, 10, 1)).toEqual([9, 8]);
  expect(wanted(0, 1, 1)).toEqual([0]);
});

test('a player keeps its clip; the farthest one takes the new clip', () => {
  expect(assign([null, null, null], [0, 1, 2])).toEqual([0, 1, 2]);
  expect(assign([0, 1, 2], [1, 2, 3])).toEqual([3, 1, 2]);
  expect(assign([3, 1, 2], [1, 0, 2])).toEqual([0, 1, 2]);
  expect(assign([0, 1, 2], [1])).toEqual([null, 1, null]);
});

test('nothing else is fetched until the current clip plays smoothly', () => {
  const check = (at_s: number, buffered_s: number, stalled = false) => smooth({ at_s, buffered_s, duration_s: 10, stalled });
  expect(check(0, 1)).toBe(false);
  expect(check(0, 2)).toBe(true);
  expect(check(0, 4, true)).toBe(false);
  expect(check(9, 9.9)).toBe(true);
});

test('a portrait clip fills the screen, any other is shown whole', () => {
  expect(fit(9 / 16, 390 / 792)).toBe('cover');
  expect(fit(9 / 16, 9 / 16)).toBe('cover');
  expect(fit(4 / 5, 390 / 792)).toBe('contain');
  expect(fit(16 / 9, 9 / 16)).toBe('contain');
});

test('one swing of a touch pad is one clip, two notches of a wheel are two', () => {
  const swing = (deltas: [number, number][]) => {
    const wheel = new WheelSteps();
    return deltas.map(([delta, at]) => wheel.feed(delta, at)).filter((step) => step !== 0);
  };
  const inertia: [number, number][] = Array.from({ length: 60 }, (_, i) => [Math.max(1, 80 * 0.93 ** i), i * 16]);
  expect(swing(inertia)).toEqual([1]);
  expect(swing([[100, 0], [100, 600]])).toEqual([1, 1]);
  expect(swing([[-100, 0], [100, 600]])).toEqual([-1, 1]);
  expect(swing([[10, 0], [10, 16]])).toEqual([]);
});
