/** Resumable uploads by tus 1.0, and what is refused. */
import assert from 'node:assert/strict';
import * as tus from 'tus-js-client';
import { ffmpeg, make, refused } from '../support/clips.js';
import { files_of } from '../support/files.js';
import { House } from '../support/house.js';
import { Proxy } from '../support/proxy.js';
import { until } from '../support/until.js';

const house = new House('uploads', { browser: false, server: { sets: { 'media.workers': 1 } } });
const resumable = { 'tus-resumable': '1.0.0' };
const octets = { ...resumable, 'content-type': 'application/offset+octet-stream' };
const encode = (text) => Buffer.from(text).toString('base64');

/** A clip that takes a few megabytes: noise does not compress. */
const heavy = () =>
  ffmpeg(['-f', 'lavfi', '-t', '2', '-i', 'testsrc2=s=360x640:r=25,noise=alls=60:allf=t', '-c:v', 'libx264', '-preset', 'ultrafast', '-crf', '20', '-pix_fmt', 'yuv420p']);

async function create(client, length, headers = {}) {
  const made = await client.send('POST', '/v1/uploads', undefined, {
    ...resumable,
    'upload-length': String(length),
    'upload-metadata': `filename ${encode('a.mp4')},filetype ${encode('video/mp4')}`,
    ...headers,
  });
  assert.equal(made.status, 201, made.text);
  return made;
}

const offset_of = async (client, location) => {
  const head = await client.send('HEAD', location, undefined, resumable);
  assert.equal(head.status, 200);
  assert.equal(head.headers.get('cache-control'), 'no-store');
  return Number(head.headers.get('upload-offset'));
};

house.scene('the server says what it speaks', async () => {
  const answer = await house.client().send('OPTIONS', '/v1/uploads');
  assert.ok([200, 204].includes(answer.status));
  assert.equal(answer.headers.get('tus-version'), '1.0.0');
  const extensions = answer.headers.get('tus-extension').split(',').sort();
  for (const wanted of ['creation', 'expiration', 'termination']) assert.ok(extensions.includes(wanted), wanted);
  assert.ok(Number(answer.headers.get('tus-max-size')) > 0);
});

house.scene('a connection cut in the middle resumes where it was', async () => {
  const client = await house.person();
  const bytes = await heavy();
  assert.ok(bytes.length > 1_000_000, `${bytes.length} bytes are too few to be cut`);
  const proxy = await Proxy.to(house.server.port);
  const offsets = [];
  let sent = 0;
  try {
    const location = await new Promise((done, failed) => {
      const upload = new tus.Upload(bytes, {
        endpoint: `http://127.0.0.1:${proxy.port}/v1/uploads`,
        headers: { cookie: [...client.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
        metadata: { filename: 'heavy.mp4', filetype: 'video/mp4' },
        retryDelays: [0, 50, 100, 200, 400],
        onAfterResponse: (request, response) => {
          if (request.getMethod() === 'POST') proxy.cut_after(600_000);
          if (request.getMethod() === 'HEAD') offsets.push(Number(response.getHeader('Upload-Offset')));
        },
        onProgress: (now) => (sent = Math.max(sent, now)),
        onError: failed,
        onSuccess: () => done(upload.url),
      });
      upload.start();
    });
    assert.equal(proxy.cuts, 1);
    assert.ok(offsets.at(-1) > 0, `taken up again at ${offsets}: what had arrived was thrown away`);
    assert.ok(offsets.at(-1) < bytes.length);
    assert.equal(sent, bytes.length);
    const id = location.split('/').pop();
    const status = await client.probed(id);
    assert.equal(status.state, 'ready', JSON.stringify(status));
    assert.ok(Math.abs(status.duration_ms - 2000) < 150, `${status.duration_ms} ms`);
    assert.deepEqual([status.width, status.height], [360, 640]);
  } finally {
    await proxy.close();
  }
});

house.scene('pieces at their offsets, and no others', async () => {
  const client = await house.person();
  const bytes = await make('life', 40);
  const half = Math.floor(bytes.length / 2);
  const made = await create(client, bytes.length);
  const location = made.headers.get('location');
  assert.ok(Date.parse(made.headers.get('upload-expires')) > Date.now(), 'an unfinished upload says until when it is kept');
  assert.equal(await offset_of(client, location), 0);

  const first = await client.send('PATCH', location, bytes.subarray(0, half), { ...octets, 'upload-offset': '0' });
  assert.equal(first.status, 204);
  assert.equal(Number(first.headers.get('upload-offset')), half);
  assert.ok(Date.parse(first.headers.get('upload-expires')) > Date.now());

  const wrong = await client.send('PATCH', location, bytes.subarray(half), { ...octets, 'upload-offset': String(half - 1) });
  assert.equal(wrong.status, 409);
  const untyped = await client.send('PATCH', location, bytes.subarray(half), { ...resumable, 'upload-offset': String(half) });
  assert.equal(untyped.status, 415);
  const other_version = await client.send('PATCH', location, bytes.subarray(half), { ...octets, 'tus-resumable': '0.2.2', 'upload-offset': String(half) });
  assert.equal(other_version.status, 412);
  assert.equal(other_version.headers.get('tus-version'), '1.0.0');
  assert.equal(await offset_of(client, location), half, 'what was refused has changed nothing');

  const stranger = await house.person();
  assert.ok([403, 404].includes((await stranger.send('HEAD', location, undefined, resumable)).status));
  const foreign = await stranger.send('PATCH', location, bytes.subarray(half), { ...octets, 'upload-offset': String(half) });
  assert.ok([403, 404].includes(foreign.status));

  const rest = await client.send('PATCH', location, bytes.subarray(half), { ...octets, 'upload-offset': String(half) });
  assert.equal(rest.status, 204);
  assert.equal(Number(rest.headers.get('upload-offset')), bytes.length);
  assert.equal((await client.probed(location.split('/').pop())).state, 'ready');
});

house.scene('an upload that is given up is gone', async () => {
  const client = await house.person();
  const before = files_of(house.server.data);
  const location = (await create(client, 1000)).headers.get('location');
  await client.send('PATCH', location, Buffer.alloc(400), { ...octets, 'upload-offset': '0' });
  const ended = await client.send('DELETE', location, undefined, resumable);
  assert.equal(ended.status, 204);
  assert.ok([404, 410].includes((await client.send('HEAD', location, undefined, resumable)).status));
  await nothing_left(before);
});

house.scene('what is too large is refused before a byte is sent; nobody uploads without an account', async () => {
  const client = await house.person();
  const most = Number((await client.send('OPTIONS', '/v1/uploads')).headers.get('tus-max-size'));
  const large = await client.send('POST', '/v1/uploads', undefined, { ...resumable, 'upload-length': String(most + 1) });
  assert.equal(large.status, 413);
  assert.equal(large.json.status, 413);
  assert.ok(large.json.detail.length > 10 && large.json.code, large.text);
  const stranger = await house.client().send('POST', '/v1/uploads', undefined, { ...resumable, 'upload-length': '10' });
  assert.equal(stranger.status, 401);
  for (const length of ['-1', 'many', '']) {
    const odd = await client.send('POST', '/v1/uploads', undefined, { ...resumable, 'upload-length': length });
    assert.equal(odd.status, 400, `Upload-Length: ${length}`);
  }
  const longer = (await create(client, 100)).headers.get('location');
  const beyond = await client.send('PATCH', longer, Buffer.alloc(200), { ...octets, 'upload-offset': '0' });
  assert.ok([400, 413].includes(beyond.status), `${beyond.status}: more bytes than announced`);
});

/**
 * Waits until the data folder holds no file that was not in `before`; the store's and the log's own files may come and go, and a
 * refused upload leaves the note that tells its owner why, until it expires.
 */
async function nothing_left(before) {
  const own = (path) => /(^|\/)[^/]*\.(db|sqlite)[^/]*$/.test(path) || /^(log|brain)\//.test(path) || /^uploads\/[^/]+\.json$/.test(path);
  const known = new Set(before);
  await until('nothing to be left behind', () => {
    const left = files_of(house.server.data).filter((path) => !known.has(path) && !own(path));
    if (left.length) throw new Error(`left behind: ${left.slice(0, 8)}`);
    return true;
  });
}

for (const [name, { bytes, codes }] of Object.entries(refused)) {
  house.scene(`refused with its reason, nothing left behind: ${name}`, async () => {
    const client = await house.person();
    const content = await bytes();
    const before = files_of(house.server.data);
    const made = await client.send('POST', '/v1/uploads', undefined, { ...resumable, 'upload-length': String(content.length) });
    let refusal;
    if (made.status !== 201) {
      refusal = { code: made.json.code, message: made.json.detail };
    } else {
      const location = made.headers.get('location');
      if (content.length) {
        const sent = await client.send('PATCH', location, content, { ...octets, 'upload-offset': '0' });
        assert.equal(sent.status, 204, sent.text);
      }
      const id = location.split('/').pop();
      const status = await client.probed(id);
      if (status.state === 'ready') {
        // What only shows when the whole file is worked on is refused there.
        const clip = await client.post('/v1/videos', { upload: id, caption: name });
        const decided = await client.decided(clip.id);
        assert.equal(decided.status, 'refused');
        refusal = decided.refusal;
      } else {
        refusal = status.refusal;
        const published = await client.send('POST', '/v1/videos', { upload: id, caption: name });
        assert.ok(published.status >= 400 && published.status < 500, `published anyway: ${published.status}`);
      }
    }
    assert.ok(codes.includes(refusal.code), JSON.stringify(refusal));
    assert.match(refusal.message, /^[A-Z].{15,}[.!]$/s, 'a sentence that a person understands');
    assert.doesNotMatch(refusal.message, /ffmpeg|ffprobe|moov|\/tmp|stderr|exit/i);
    await nothing_left(before);
  });
}

house.scene('a file never reaches beyond itself', async () => {
  // A playlist in the disguise of an MP4, and one that names a file of this machine.
  const client = await house.person();
  for (const text of [
    '#EXTM3U\n#EXT-X-MEDIA-SEQUENCE:0\n#EXTINF:1.0,\n/etc/hostname\n#EXT-X-ENDLIST\n',
    '<?xml version="1.0"?><MPD xmlns="urn:mpeg:dash:schema:mpd:2011"><BaseURL>file:///etc/</BaseURL></MPD>',
    '#EXTM3U\n#EXTINF:1,\nhttp://127.0.0.1:1/a.ts\n',
  ]) {
    const id = await client.upload(Buffer.from(text), { filename: 'holiday.mp4' });
    const status = await client.probed(id);
    assert.equal(status.state, 'refused', text);
  }
});
