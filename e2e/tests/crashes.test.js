/** `kill -9` at the worst moments: what was acknowledged is there after the next start. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { request } from 'node:http';
import { ffmpeg, make } from '../support/clips.js';
import { House } from '../support/house.js';
import { until } from '../support/until.js';

const house = new House('crashes', { server: false });
const resumable = { 'tus-resumable': '1.0.0' };
const octets = { ...resumable, 'content-type': 'application/offset+octet-stream' };

house.scene('in the middle of an upload', async () => {
  const server = await house.host({});
  const client = await house.person('uploader', {}, server);
  const bytes = await make('life', 1, { seconds: 6 });
  const third = Math.floor(bytes.length / 3);
  const made = await client.send('POST', '/v1/uploads', undefined, { ...resumable, 'upload-length': String(bytes.length) });
  const location = made.headers.get('location');
  const first = await client.send('PATCH', location, bytes.subarray(0, third), { ...octets, 'upload-offset': '0' });
  const acknowledged = Number(first.headers.get('upload-offset'));
  assert.equal(acknowledged, third);

  // A second piece is under way, half of it sent, when the process dies.
  const cookie = [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
  const under_way = request(new URL(location, server.url), {
    method: 'PATCH',
    headers: { ...octets, cookie, 'upload-offset': String(third), 'content-length': String(bytes.length - third) },
  });
  const broken = new Promise((done) => under_way.once('error', done).once('close', done));
  await new Promise((done) => under_way.write(bytes.subarray(third, 2 * third), done));
  await server.kill();
  await broken;

  await server.start();
  const head = await client.send('HEAD', location, undefined, resumable);
  assert.equal(head.status, 200, 'the session and the upload survive');
  const offset = Number(head.headers.get('upload-offset'));
  assert.ok(offset >= acknowledged, `${offset} of ${acknowledged} acknowledged bytes are left`);
  assert.ok(offset <= 2 * third, `${offset} bytes are said to be here, ${2 * third} were sent`);
  const rest = await client.send('PATCH', location, bytes.subarray(offset), { ...octets, 'upload-offset': String(offset) });
  assert.equal(rest.status, 204, rest.text);
  const id = location.split('/').pop();
  const status = await client.probed(id);
  assert.equal(status.state, 'ready', JSON.stringify(status));
  assert.ok(Math.abs(status.duration_ms - 6000) < 200);
  const clip = await client.post('/v1/videos', { upload: id, caption: 'Sent in two lives #life' });
  await client.decided(clip.id, { wanted: 'published' });
  await server.close();
});

house.scene('in the middle of a transcode', async () => {
  const server = await house.host({});
  const client = await house.person('cutter', {}, server);
  const bytes = await ffmpeg([
    '-f', 'lavfi', '-t', '10', '-i', 'testsrc2=s=720x1280:r=30,noise=alls=20:allf=t', '-f', 'lavfi', '-t', '10', '-i', 'sine=f=330',
    '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '28', '-pix_fmt', 'yuv420p', '-c:a', 'aac', '-movflags', '+faststart',
  ]);
  const id = await client.upload(bytes);
  await client.probed(id);
  const clip = await client.post('/v1/videos', { upload: id, caption: 'Interrupted #bars' });
  const working = await until('ffmpeg to work on the clip', async () => {
    const now = await client.get(`/v1/videos/${clip.id}/upload`);
    assert.equal(now.status, 'processing', 'the clip was done before the process could be ended: take a longer one');
    return ['first_rendition', 'renditions'].includes(now.step) && now;
  });
  assert.ok(working.progress < 1);
  await server.kill();

  await server.start();
  const done = await client.decided(clip.id, { wanted: 'published' });
  const visitor = await house.visitor({ server });
  await visitor.page.goto(`/v/${clip.id}`);
  const playing = await visitor.plays();
  assert.ok(playing.duration_s > 9.5 && playing.duration_s < 10.6, `${playing.duration_s} s`);

  // The other renditions follow, each whole.
  const playlist = await until('all renditions', async () => {
    const text = (await client.send('GET', done.video.playlist_url)).text;
    return text.split('#EXT-X-STREAM-INF').length - 1 >= 4 && text;
  }, { within_ms: 90_000 });
  assert.match(playlist, /RESOLUTION=720x1280/);
  await server.close();
}, { within_ms: 240_000 });

house.scene('in the middle of event ingestion', async () => {
  const server = await house.host({});
  const creator = await house.person('counted', {}, server);
  const clip = await creator.clip(await make('bars', 3), 'Counted #bars');
  const per_batch = 40;
  const batches = [];

  // Eight anonymous viewers send batch after batch, as fast as the answers come.
  const viewers = await Promise.all(
    Array.from({ length: 8 }, async () => {
      const viewer = house.client(server);
      await viewer.get('/v1/session');
      return viewer;
    }),
  );
  let dead = false;
  const send = async (viewer) => {
    while (!dead) {
      const events = Array.from({ length: per_batch }, () => ({ id: randomUUID(), type: 'share', at_ms: Date.now(), video: clip.id }));
      const batch = { viewer, events, acknowledged: false };
      batches.push(batch);
      try {
        const answer = await viewer.send('POST', '/v1/events', { events });
        if (answer.status === 200) {
          assert.deepEqual(answer.json.rejected, []);
          assert.equal(answer.json.accepted, per_batch);
          batch.acknowledged = true;
        }
      } catch (error) {
        if (!dead) throw error;
      }
    }
  };
  const senders = viewers.map(send);
  await until('some batches to be acknowledged', () => batches.filter((b) => b.acknowledged).length >= 60);
  dead = true;
  await server.kill();
  await Promise.all(senders);
  const acknowledged = batches.filter((b) => b.acknowledged).length * per_batch;
  const sent = batches.length * per_batch;
  assert.ok(acknowledged < sent || batches.length >= 60, 'something was under way');

  await server.start();
  const shares = async () => (await creator.get(`/v1/videos/${clip.id}`)).counts.shares;
  const after = await until('the log to be read again', async () => {
    const now = await shares();
    return now >= acknowledged && now;
  });
  assert.ok(after <= sent, `${after} counted, ${sent} sent`);

  // A client that got no answer sends again; so does one that is not sure. Everything counts once.
  for (const { viewer, events } of batches) {
    const answer = await viewer.post('/v1/events', { events });
    assert.deepEqual(answer.rejected, []);
  }
  await until('each event to count once', async () => (await shares()) === sent);
  for (const { viewer, events } of batches.slice(0, 10)) await viewer.post('/v1/events', { events });
  const marker = await viewers[0].post('/v1/events', { events: [{ id: randomUUID(), type: 'share', at_ms: Date.now(), video: clip.id }] });
  assert.equal(marker.accepted, 1);
  // The marker came last: once it is counted, all before it are.
  await until('the last event to count', async () => (await shares()) > sent);
  assert.equal(await shares(), sent + 1);
  await server.restart();
  assert.equal(await until('the counters', shares), sent + 1, 'a start from a snapshot counts the same');
  await server.close();
});
