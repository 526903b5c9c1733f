/** `watershed demo`: an empty folder becomes a place with something to see; a second start finds it; Ctrl-C drains. */
import assert from 'node:assert/strict';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { make } from '../support/clips.js';
import { House } from '../support/house.js';
import { until } from '../support/until.js';

const house = new House('demo', { server: false });
/** The promise is 30 seconds on an idle machine; a busy one may take longer before the test calls it broken. */
const first_clips_within_ms = 60_000;
const clips = 8;

house.scene('an empty folder fills itself, and stays filled', async () => {
  const imports = mkdtempSync(join(tmpdir(), 'watershed-import-'));
  writeFileSync(join(imports, 'My holiday by the sea.mp4'), await make('life', 77));
  writeFileSync(join(imports, 'notes.txt'), 'no video');
  try {
    const server = await house.host({ command: ['demo', '--import', imports], sets: { 'demo.clips': clips } });
    const visitor = await house.visitor({ server });
    await visitor.page.goto('/');
    await visitor.plays(first_clips_within_ms);
    await visitor.screenshot('demo-first-clips');

    const printed = server.lines.join('\n');
    assert.ok(printed.includes(server.url), 'the address is printed');
    assert.ok(printed.includes(server.data), 'the data folder is printed');
    const accounts = [...printed.matchAll(/@?([a-z0-9_.]{3,24})\s+(?:password:?\s*)?([^\s]{8,})\s*$/gm)];
    const client = house.client(server);
    const signed_in = await until('a printed demo account to work', async () => {
      for (const [, handle, password] of accounts) {
        const answer = await client.send('POST', '/v1/session', { handle, password });
        if (answer.status === 200) return answer.json;
      }
      throw new Error(`none of ${accounts.map(([, handle]) => handle)} in:\n${printed}`);
    });
    assert.equal(signed_in.signed_in, true);

    const done = await until(
      'the demo to be whole',
      async () => {
        const { demo } = await client.get('/v1/status');
        if (demo && demo.done > demo.total) throw new Error(JSON.stringify(demo));
        return demo === null ? server.demo_total && 'over' : ((server.demo_total = demo.total), demo.done === demo.total && 'whole');
      },
      { within_ms: 150_000, every_ms: 250 },
    );
    assert.ok(done);
    assert.ok(server.demo_total >= clips, `${server.demo_total} clips`);
    const found = await client.get('/v1/search?q=holiday&kind=videos');
    assert.equal(found.items[0]?.caption, 'My holiday by the sea', 'an imported file is a clip with its name as caption');
    const discover = await client.get('/v1/discover');
    assert.ok(discover.hashtags.length >= 2 && discover.people.length >= 2, 'several hashtags and creators');
    const before = await client.all('/v1/search?q=holiday&kind=videos');
    await visitor.context.close();

    const end = await server.stop('SIGINT');
    assert.deepEqual([end.code, end.signal], [0, null], 'Ctrl-C ends with success');

    await server.start();
    const again = house.client(server);
    const page = await again.get('/v1/feed?limit=8');
    assert.ok(page.items.length >= 6, 'a second start finds the clips at once');
    assert.deepEqual((await again.all('/v1/search?q=holiday&kind=videos')).map((v) => v.id), before.map((v) => v.id));
    const second = await server.stop('SIGTERM');
    assert.deepEqual([second.code, second.signal], [0, null]);
  } finally {
    rmSync(imports, { recursive: true, force: true });
  }
}, { within_ms: 300_000 });

house.scene('Ctrl-C in the middle of the filling drains, and the next start goes on', async () => {
  const server = await house.host({ command: ['demo'], sets: { 'demo.clips': 5 } });
  const client = house.client(server);
  await until('the filling to begin', async () => (await client.get('/v1/status')).demo?.total > 0);
  const end = await server.stop('SIGINT');
  assert.deepEqual([end.code, end.signal], [0, null]);
  await server.start();
  await until('the rest', async () => {
    const { demo } = await client.get('/v1/status');
    return demo === null || demo.done === demo.total;
  }, { within_ms: 150_000, every_ms: 250 });
  const page = await client.get('/v1/feed?limit=20');
  assert.equal(new Set(page.items.map((item) => item.video.id)).size, 5, 'each clip once, none lost');
  assert.equal(new Set(page.items.map((item) => item.video.caption)).size, 5);
}, { within_ms: 240_000 });
