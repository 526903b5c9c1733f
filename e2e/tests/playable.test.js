/**
 * Whatever comes in ends as a clip that plays in Chromium or as a refusal with its reason. Files made here cover each kind;
 * where real clips lie beside the checkout, each of those goes the same way.
 */
import assert from 'node:assert/strict';
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { odd } from '../support/clips.js';
import { House } from '../support/house.js';
import { open_clips, results } from '../support/places.js';

const house = new House('playable', { browser: { autoplay: true } });
const rows = [];

/** Uploads a file; once it is decided, opens its page and sees it play. */
async function goes_through(client, page, name, bytes) {
  const id = await client.upload(bytes, { filename: name });
  const status = await client.probed(id);
  let refusal = status.refusal;
  let clip = null;
  if (status.state === 'ready') {
    clip = await client.post('/v1/videos', { upload: id, caption: name });
    return { name, id: clip.id };
  }
  assert.ok(refusal?.code && refusal.message.length > 15, `${name}: a reason`);
  return { name, refusal };
}

/** Opens the clip's own page and waits for moving pictures. */
async function watches(visitor, { name, clip }) {
  await visitor.page.goto(`/v/${clip.id}`);
  const seen = await visitor.plays();
  assert.equal(seen.error, null, name);
  const off_ms = Math.abs(seen.duration_s * 1000 - clip.video.duration_ms);
  assert.ok(off_ms < 400, `${name}: plays ${seen.duration_s} s, says ${clip.video.duration_ms} ms`);
  // The picture is as upright as the server says: rotation has been applied.
  assert.equal(Math.sign(seen.width - seen.height), Math.sign(clip.video.width - clip.video.height), name);
  return seen;
}

async function all_through(files, { must_play }) {
  const client = await house.person();
  const sent = [];
  for (const [name, bytes] of files) sent.push(await goes_through(client, null, name, await bytes()));
  const visitor = await house.visitor();
  for (const one of sent) {
    let refusal = one.refusal;
    let seen = null;
    if (one.id) {
      const clip = await client.decided(one.id, { within_ms: 240_000 });
      if (clip.status === 'published') seen = await watches(visitor, { name: one.name, clip });
      else refusal = clip.refusal;
    }
    if (seen) rows.push(`${one.name.padEnd(52)} plays    ${seen.width}x${seen.height}, ${seen.duration_s.toFixed(2)} s`);
    else rows.push(`${one.name.padEnd(52)} refused  ${refusal.code}: ${refusal.message}`);
    if (must_play) assert.ok(seen, rows.at(-1));
    else assert.ok(seen || (refusal.code && refusal.message.length > 15), one.name);
  }
}

house.scene('odd but sound files all play', () => all_through(Object.entries(odd), { must_play: true }), { within_ms: 240_000 });

house.scene(
  'real clips play or are refused with a reason',
  async (t) => {
    if (!existsSync(open_clips)) {
      t.diagnostic(`no folder of real clips at ${open_clips}: the made ones above are all there is`);
      return;
    }
    const files = readdirSync(open_clips).filter((name) => /\.(mp4|mov|webm|mkv)$/.test(name));
    const chosen = process.env.WATERSHED_E2E_ALL_CLIPS ? files : files.filter((name) => /^edge-|rabbit-320|friday|elf\.webm/.test(name));
    await all_through(chosen.map((name) => [name, async () => readFileSync(join(open_clips, name))]), { must_play: false });
    const table = rows.join('\n');
    mkdirSync(results, { recursive: true });
    writeFileSync(join(results, 'playable.txt'), `${table}\n`);
    console.log(table);
    assert.ok(rows.filter((row) => row.includes(' plays ')).length >= chosen.length / 2, 'most real clips play');
  },
  { within_ms: 480_000 },
);
