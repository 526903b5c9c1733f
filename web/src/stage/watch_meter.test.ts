import { expect, test } from 'vitest';
import { loops_max, WatchMeter } from './watch_meter';

function check(places: number[], expected: number, length_ms = 5000) {
  const meter = new WatchMeter();
  for (const at of places) meter.tick(at, length_ms);
  expect(meter.watch_ms).toBe(expected);
}

test('time that was played counts, loops together', () => {
  check([0, 250, 500], 500);
  check([0, 1000, 2000, 3000, 4000, 4900, 100], 5100);
});

test('time that was jumped over does not', () => {
  check([0, 250, 4000, 4250], 500);
  check([3000, 3250, 1000, 1250], 500);
});

test('a scrub back starts to count from where it lands', () => {
  const meter = new WatchMeter();
  meter.tick(0, 5000);
  meter.tick(1000, 5000);
  meter.jump(200);
  meter.tick(450, 5000);
  expect(meter.watch_ms).toBe(1250);
});

test('a clip left running stops counting', () => {
  const meter = new WatchMeter();
  for (let ms = 0; ms < 100_000; ms += 250) meter.tick(ms % 5000, 5000);
  expect(meter.full(5000)).toBe(true);
  expect(meter.watch_ms).toBeLessThanOrEqual(5000 * loops_max + 250);
});
