/** Accounts: signing in and out, sessions, limits, other sites, and leaving for good. */
import assert from 'node:assert/strict';
import { createServer } from 'node:http';
import { make } from '../support/clips.js';
import { files_of, files_with } from '../support/files.js';
import { House } from '../support/house.js';
import { password } from '../support/api.js';
import { until } from '../support/until.js';

const house = new House('accounts', {});
const session_cookie = 'watershed_session';

house.scene('signing out ends the session, signing in makes another', async () => {
  const client = await house.person('morning_dove', { birth_year: new Date().getUTCFullYear() - 17 });
  const first = client.cookies.get(session_cookie);
  const me = await client.get('/v1/me');
  assert.equal(me.handle, 'morning_dove');
  assert.equal(me.age_band, '16_17', 'of the birth year only the band is kept');
  assert.ok(!JSON.stringify(me).includes(String(new Date().getUTCFullYear() - 17)));
  await client.del('/v1/session');
  assert.equal(client.cookies.has(session_cookie), false, 'the cookie is taken back');
  assert.equal((await client.send('GET', '/v1/me', undefined, { cookie: `${session_cookie}=${first}` })).status, 401, 'the old one opens nothing');

  const again = await client.post('/v1/session', { handle: 'Morning_Dove', password });
  assert.equal(again.signed_in, true);
  const second = client.cookies.get(session_cookie);
  assert.notEqual(second, first);
  // Signing in over a session rotates it.
  await client.post('/v1/session', { handle: 'morning_dove', password });
  assert.notEqual(client.cookies.get(session_cookie), second);
  assert.equal((await client.send('GET', '/v1/me', undefined, { cookie: `${session_cookie}=${second}` })).status, 401);

  const young = await house.client().send('POST', '/v1/accounts', { handle: 'young', password, birth_year: new Date().getUTCFullYear() - 10 });
  assert.deepEqual([young.status, young.json.code], [403, 'too_young']);
  const taken = await house.client().send('POST', '/v1/accounts', { handle: 'morning_dove', password, birth_year: 1980 });
  assert.deepEqual([taken.status, taken.json.code], [409, 'handle_taken']);
});

house.scene('cookies are for our own pages alone', async () => {
  const answer = await house.client().send('POST', '/v1/accounts', { handle: 'jar', password, birth_year: 1980 });
  const lines = answer.headers.getSetCookie();
  assert.ok(lines.some((line) => line.startsWith(`${session_cookie}=`)));
  for (const line of lines) {
    assert.match(line, /HttpOnly/i);
    assert.match(line, /SameSite=Strict/i);
    assert.match(line, /Path=\/(;|$)/i);
  }
});

house.scene('sessions are listed and ended', async () => {
  const one = await house.person('many_rooms');
  const two = house.client();
  const three = house.client();
  for (const client of [two, three]) await client.post('/v1/session', { handle: 'many_rooms', password });
  const { items } = await one.get('/v1/sessions');
  assert.equal(items.length, 3);
  assert.equal(items.filter((session) => session.current).length, 1);
  for (const session of items) assert.ok(session.device && session.created_at_ms > 0);
  const of_two = (await two.get('/v1/sessions')).items.find((session) => session.current);
  await one.del(`/v1/sessions/${of_two.id}`);
  assert.equal((await two.send('GET', '/v1/me')).status, 401, 'at once');
  const stranger = await house.person();
  const foreign = await stranger.send('DELETE', `/v1/sessions/${items.find((s) => s.current).id}`);
  assert.equal(foreign.status, 404);
  await one.del('/v1/sessions');
  assert.equal((await three.send('GET', '/v1/me')).status, 401);
  assert.equal((await one.get('/v1/sessions')).items.length, 1);
});

house.scene('a wrong password and an unknown handle are answered alike, and guessing is slowed', async () => {
  const server = await house.host({});
  await house.person('known_person', {}, server);
  const answers = {};
  for (const handle of ['known_person', 'nobody_here']) {
    const guesser = house.client(server);
    answers[handle] = [];
    for (let attempt = 0; attempt < 12; attempt += 1) {
      const { status, json, headers } = await guesser.send('POST', '/v1/session', { handle, password: `wrong-guess-${attempt}` });
      const { request_id, ...rest } = json;
      assert.ok(request_id);
      if (status === 429) assert.ok(Number(headers.get('retry-after')) > 0, 'says when to try again');
      answers[handle].push({ status, ...rest });
    }
  }
  assert.deepEqual(answers.known_person, answers.nobody_here);
  assert.deepEqual([answers.known_person[0].status, answers.known_person[0].code], [401, 'sign_in_failed']);
  assert.deepEqual([answers.known_person.at(-1).status, answers.known_person.at(-1).code], [429, 'too_many_attempts']);
  const right = await house.client(server).send('POST', '/v1/session', { handle: 'known_person', password });
  assert.ok([200, 429].includes(right.status), 'the right password is no way to tell');
  await server.close();
});

house.scene('another site cannot make a browser act', async () => {
  const client = await house.person();
  const creator = await house.person();
  const clip = await creator.clip(await make('fractal', 50), 'Not for them #fractal');
  for (const headers of [{ 'sec-fetch-site': 'cross-site' }, { 'sec-fetch-site': 'same-site' }, { origin: 'https://elsewhere.example' }, { origin: 'null' }]) {
    for (const [method, path, body] of [['PUT', `/v1/videos/${clip.id}/like`], ['POST', '/v1/events', { events: [] }], ['DELETE', '/v1/session'], ['DELETE', '/v1/me', { password }]]) {
      const answer = await client.send(method, path, body, headers);
      assert.deepEqual([answer.status, answer.json.code], [403, 'cross_site'], `${method} ${path} ${JSON.stringify(headers)}`);
    }
  }
  assert.equal((await client.get('/v1/session')).signed_in, true);

  // A real browser on a real other site.
  const elsewhere = createServer((request, response) => {
    response.setHeader('content-type', 'text/html');
    response.end('<!doctype html><link rel=icon href="data:,"><title>elsewhere</title>');
  });
  await new Promise((done) => elsewhere.listen(0, '127.0.0.1', done));
  try {
    const visitor = await house.visitor({ as: client });
    visitor.expect_problem(/CORS|Failed to load resource|ERR_FAILED|ERR_BLOCKED|net::/);
    await visitor.page.goto(`http://127.0.0.1:${elsewhere.address().port}/`);
    const posted = visitor.page.waitForEvent('requestfinished', (r) => r.url().includes('/share')).catch(() => null);
    await visitor.page.evaluate(async ({ url, id }) => {
      for (const path of ['share', 'comments']) {
        await fetch(`${url}/v1/videos/${id}/${path}`, { method: 'POST', mode: 'no-cors', credentials: 'include', body: '{"text":"hi"}' }).catch(() => {});
      }
    }, { url: house.server.url, id: clip.id });
    await posted;
    await visitor.page.evaluate(({ url }) => {
      const form = document.createElement('form');
      form.method = 'post';
      form.action = url;
      document.body.append(form);
      form.submit();
    }, { url: `${house.server.url}/v1/videos/${clip.id}/share` });
    await visitor.page.waitForURL(/\/share$/);
    const { counts } = await client.get(`/v1/videos/${clip.id}`);
    assert.deepEqual([counts.shares, counts.comments, counts.likes], [0, 0, 0]);
  } finally {
    elsewhere.closeAllConnections();
    elsewhere.close();
  }
});

house.scene('deleting an account really deletes it', async () => {
  const server = await house.host({});
  const handle = 'vanishing_heron';
  const words = ['vanishing_heron', 'Heronimus', 'ephemeron', 'zyzzyva', 'qoppa'];
  const client = await house.person(handle, { display_name: words[1] }, server);
  const other = await house.person('stays_here', {}, server);
  await client.patch('/v1/me', { bio: `An ${words[2]} of sorts` });
  const own = await client.clip(await make('life', 60), `A ${words[3]} goes by #life`);
  const kept = await other.clip(await make('bars', 61), 'I stay #bars');
  await client.put(`/v1/videos/${kept.id}/like`);
  await client.put(`/v1/videos/${kept.id}/save`);
  await client.post(`/v1/videos/${kept.id}/comments`, { text: `What a ${words[4]}` });
  await client.put('/v1/people/stays_here/follow');
  await client.events([{ type: 'watch', video: kept.id, watch_ms: 1500, duration_ms: 2000 }]);
  await other.put(`/v1/people/${handle}/follow`);
  await other.post(`/v1/videos/${own.id}/comments`, { text: 'nice one' });
  const exported = await client.get('/v1/me/export');
  assert.ok(JSON.stringify(exported).includes(words[4]), 'the export holds what is theirs');
  for (const word of words) assert.ok(files_with(server.data, word).length > 0, `${word} is there to be deleted`);

  assert.ok(files_of(server.data).some((path) => path.includes(own.id)), 'the media is there to be deleted');
  const media = own.video.playlist_url;
  assert.equal((await other.send('GET', media)).status, 200);
  const wrong = await client.send('DELETE', '/v1/me', { password: 'not-this-one-at-all' });
  assert.ok(wrong.status >= 400 && wrong.status < 500);
  await client.expect(204, 'DELETE', '/v1/me', { password });

  const gone = [`/v1/people/${handle}`, `/v1/videos/${own.id}`, media, `/v1/people/${handle}/videos`];
  for (const path of gone) assert.equal((await other.send('GET', path)).status, 404, path);
  assert.equal((await client.send('GET', '/v1/me')).status, 401);
  const back = await house.client(server).send('POST', '/v1/session', { handle, password });
  assert.deepEqual([back.status, back.json.code], [401, 'sign_in_failed']);
  const { counts } = await other.get(`/v1/videos/${kept.id}`);
  assert.deepEqual([counts.likes, counts.saves, counts.comments], [0, 0, 0]);
  assert.deepEqual((await other.get(`/v1/videos/${kept.id}/comments`)).items, []);
  assert.equal((await other.get('/v1/people/stays_here')).follower_count, 0);
  const search = await other.get('/v1/search?q=vanishing&kind=people');
  assert.deepEqual(search.items, []);

  await until('every file to be free of them', () => {
    const left = words.flatMap((word) => files_with(server.data, word).map((path) => `${path}: ${word}`));
    if (left.length) throw new Error(left.join('; '));
    return true;
  });
  await until('the media to be gone', () => !files_of(server.data).some((path) => path.includes(own.id)));
  await server.restart();
  assert.equal((await other.send('GET', `/v1/people/${handle}`)).status, 404);
  const left = words.flatMap((word) => files_with(server.data, word));
  assert.deepEqual(left, []);
  await server.close();
});
