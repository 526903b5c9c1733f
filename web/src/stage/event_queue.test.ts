import { expect, test } from 'vitest';
import type { EventsAck, ViewEvent } from '$/api/types';
import { EventQueue, held_max } from './event_queue';

const event = (id: string): ViewEvent => ({ id, type: 'watch', at_ms: 1, video: 'v', watch_ms: 10 });
const ack = (events: ViewEvent[]): EventsAck => ({ accepted: events.length, rejected: [] });

function outside(send: (events: ViewEvent[]) => Promise<EventsAck>, kept: ViewEvent[] = []) {
  const world = { shelf: kept, sent: [] as string[][], due: [] as (() => void)[] };
  const queue = new EventQueue({
    async send(events) {
      world.sent.push(events.map((e) => e.id));
      return send(events);
    },
    shelf: { load: () => world.shelf, save: (events) => (world.shelf = [...events]) },
    worth_retrying: (error) => error !== 'poison',
    later(run) {
      world.due.push(run);
      return () => (world.due = world.due.filter((other) => other !== run));
    },
  });
  return { queue, world };
}

test('an event leaves the device only when the server has it', async () => {
  const { queue, world } = outside(async (events) => ack(events));
  queue.record(event('a'));
  queue.record(event('b'));
  expect(world.shelf.map((e) => e.id)).toEqual(['a', 'b']);
  await queue.flush();
  expect(world.sent).toEqual([['a', 'b']]);
  expect(world.shelf).toEqual([]);
});

test('what fails stays and is tried again with the same ids', async () => {
  let down = true;
  const { queue, world } = outside(async (events) => (down ? Promise.reject('down') : ack(events)));
  queue.record(event('a'));
  await queue.flush();
  expect(world.shelf.map((e) => e.id)).toEqual(['a']);
  down = false;
  queue.record(event('b'));
  await queue.flush();
  expect(world.sent).toEqual([['a'], ['a', 'b']]);
  expect(queue.size).toBe(0);
});

test('a batch that can never be taken does not block what follows', async () => {
  const { queue } = outside(async () => Promise.reject('poison'));
  queue.record(event('a'));
  await queue.flush();
  expect(queue.size).toBe(0);
});

test('what a closed page left is sent by the next one', async () => {
  const { queue, world } = outside(async (events) => ack(events), [event('old')]);
  await queue.flush();
  expect(world.sent).toEqual([['old']]);
});

test('an event recorded while a batch is on its way goes with the next', async () => {
  let answer: (() => void) | undefined;
  const { queue, world } = outside((events) => new Promise((done) => (answer = () => done(ack(events)))));
  queue.record(event('a'));
  const first = queue.flush();
  queue.record(event('b'));
  const second = queue.flush();
  answer?.();
  await Promise.resolve();
  await new Promise((done) => setTimeout(done));
  answer?.();
  await first;
  await second;
  expect(world.sent).toEqual([['a'], ['b']]);
  expect(queue.size).toBe(0);
});

test('the queue is bounded and lets the oldest go', () => {
  const { queue, world } = outside(async () => Promise.reject('down'));
  for (let i = 0; i < held_max + 5; i++) queue.record(event(String(i)));
  expect(queue.size).toBe(held_max);
  expect(world.shelf[0]?.id).toBe('5');
});
