/** What operators and programs rely on: doctor, health, metrics, the API document, errors in one form, headers, settings. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { make } from '../support/clips.js';
import { House } from '../support/house.js';
import { root } from '../support/places.js';
import { free_port, run } from '../support/server.js';
import { until } from '../support/until.js';

const house = new House('operations', { browser: false, server: { sets: { 'server.log_format': 'json', 'server.log_filter': 'debug' } } });

house.scene('doctor looks at the machine and says what to do', async () => {
  const data = mkdtempSync(join(tmpdir(), 'watershed-doctor-'));
  try {
    const well = await run(['doctor', '--json', '--data', data, '--address', `127.0.0.1:${await free_port()}`]);
    const { findings } = JSON.parse(well.stdout);
    assert.equal(well.code, 0, well.stdout + well.stderr);
    const checks = findings.map((finding) => finding.check);
    for (const wanted of ['ffmpeg', 'ffmpeg encoders', 'ffmpeg decoders', 'disk', 'data folder', 'address', 'open files', 'clock']) {
      assert.ok(checks.includes(wanted), `${wanted} is looked at`);
    }
    for (const { check, verdict, found, advice } of findings) {
      assert.ok(['ok', 'warning', 'failure'].includes(verdict));
      assert.ok(found, check);
      assert.equal(advice === '', verdict === 'ok', `${check} says what to do exactly when something is to be done`);
    }
    const taken = await run(['doctor', '--json', '--data', data, '--address', `127.0.0.1:${house.server.port}`]);
    assert.equal(taken.code, 1);
    const address = JSON.parse(taken.stdout).findings.find((finding) => finding.check === 'address');
    assert.equal(address.verdict, 'failure');
    assert.match(address.advice, /--address/);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});

house.scene('a second server on the same address says what is wrong', async () => {
  const data = mkdtempSync(join(tmpdir(), 'watershed-second-'));
  try {
    const second = await run(['serve', '--data', data, '--address', `127.0.0.1:${house.server.port}`]);
    assert.notEqual(second.code, 0);
    assert.match(second.stderr, /--address/);
    const unknown = await run(['serve', '--data', data, '--set', 'server.adress=1']);
    assert.notEqual(unknown.code, 0);
    assert.match(unknown.stderr, /adress/);
  } finally {
    rmSync(data, { recursive: true, force: true });
  }
});

house.scene('health, readiness, status and metrics', async () => {
  const client = house.client();
  assert.equal((await client.send('GET', '/healthz')).status, 200);
  assert.equal((await client.send('GET', '/readyz')).status, 200);
  const status = await client.get('/v1/status');
  assert.match(status.version, /^\d+\.\d+\.\d+/);
  assert.equal(status.demo, null);
  const metrics = (await client.send('GET', '/metrics')).text;
  assert.match(metrics, /^http_requests_total\{[^}]*\} \d+$/m);
  assert.match(metrics, /route="\/v1\/status"/);
  const broken = metrics.split('\n').filter((line) => line && !line.startsWith('#') && !/^[a-z_:][\w:]*(\{.*\})? -?[\d.e+-]+(inf|nan)?$/i.test(line));
  assert.deepEqual(broken, []);
});

house.scene('the API document is the checked-in one and names every address that answers', async () => {
  const served = (await house.client().send('GET', '/openapi.json')).json;
  assert.match(served.openapi, /^3\.1/);
  assert.deepEqual(served, JSON.parse(readFileSync(join(root, 'api/openapi.json'), 'utf8')));
  for (const path of ['/v1/feed', '/v1/events', '/v1/uploads', '/v1/videos/{id}', '/v1/session', '/v1/search']) {
    assert.ok(served.paths[path], path);
  }
  const printed = await run(['openapi']);
  assert.deepEqual(JSON.parse(printed.stdout), served);
});

house.scene('every error has one form', async () => {
  const client = await house.person();
  const stranger = house.client();
  const cases = [
    [404, 'not_found', stranger, 'GET', '/v1/videos/0000000000000'],
    [404, 'not_found', stranger, 'GET', '/v1/people/nobody_at_all'],
    [404, 'not_found', stranger, 'GET', '/v1/no-such-thing'],
    [401, 'sign_in_required', stranger, 'GET', '/v1/me'],
    [401, 'sign_in_required', stranger, 'PUT', '/v1/videos/0000000000000/like'],
    [403, 'forbidden', client, 'GET', '/v1/ops/overview'],
    [422, 'invalid', stranger, 'POST', '/v1/accounts', { handle: 'x', password: 'short', birth_year: 1990 }],
    [400, null, client, 'POST', '/v1/accounts', '{"handle": '],
    [415, null, client, 'POST', '/v1/events', 'hello'],
    [401, 'sign_in_failed', stranger, 'POST', '/v1/session', { handle: 'nobody', password: 'not the password' }],
    [405, 'method_not_allowed', stranger, 'POST', '/discover'],
    [405, 'method_not_allowed', stranger, 'POST', '/v1/feed'],
    [400, 'bad_parameter', stranger, 'GET', '/v1/feed?limit=many'],
    [400, 'malformed', client, 'PATCH', '/v1/me/taste', '{"surprise": '],
    [413, 'too_large', client, 'POST', '/v1/events', JSON.stringify({ events: [], filler: 'x'.repeat(5 << 20) })],
  ];
  for (const [status, code, who, method, path, body] of cases) {
    const headers = typeof body === 'string' ? { 'content-type': path === '/v1/events' ? 'text/plain' : 'application/json' } : {};
    const answer = await who.send(method, path, body, headers);
    const said = `${method} ${path}: ${answer.status} ${answer.text.slice(0, 300)}`;
    assert.equal(answer.status, status, said);
    assert.equal(answer.headers.get('content-type'), 'application/problem+json', said);
    const problem = answer.json;
    assert.equal(problem.type, 'about:blank', said);
    assert.equal(problem.status, status, said);
    if (code) assert.equal(problem.code, code, said);
    assert.match(problem.code, /^[a-z0-9_]+$/, said);
    assert.ok(problem.title && problem.detail, said);
    assert.equal(problem.request_id, answer.headers.get('x-request-id'), said);
    assert.doesNotMatch(problem.detail, /sqlx|panicked|src\/|\.rs\b|\/tmp/i, said);
  }
  const invalid = (await stranger.send('POST', '/v1/accounts', { handle: 'x', password: 'short', birth_year: 1990 })).json;
  const fields = invalid.errors.map((error) => error.field);
  assert.ok(fields.includes('handle') && fields.includes('password'), JSON.stringify(invalid.errors));
});

house.scene('bad events are refused one by one, the good ones stand; both forms are taken', async () => {
  const creator = await house.person();
  const clip = await creator.clip(await make('bars', 30), 'Counted #bars');
  const viewer = house.client();
  await viewer.get('/v1/session');
  const event = (more) => ({ id: randomUUID(), type: 'share', at_ms: Date.now(), video: clip.id, ...more });
  const batch = [event(), event({ type: 'dance' }), event({ at_ms: 1 }), event({ id: 'none' }), event()];
  const answer = await viewer.post('/v1/events', { events: batch });
  assert.equal(answer.accepted, 2);
  assert.deepEqual(answer.rejected.map(({ index, code }) => [index, code]), [[1, 'unknown_type'], [2, 'too_old'], [3, 'bad_id']]);
  for (const { message } of answer.rejected) assert.ok(message.length > 5);

  const lines = [event(), event({ type: 'dance' })].map((e) => JSON.stringify(e)).join('\n') + '\n{"broken\n';
  const bulk = await viewer.send('POST', '/v1/events', lines, { 'content-type': 'application/x-ndjson' });
  assert.equal(bulk.status, 200, bulk.text);
  assert.equal(bulk.json.accepted, 1);
  assert.deepEqual(bulk.json.rejected.map((r) => r.index), [1, 2]);
  await until('three shares', async () => (await viewer.get(`/v1/videos/${clip.id}`)).counts.shares === 3);
});

house.scene('security headers are on every answer', async () => {
  const client = house.client();
  for (const path of ['/', '/v1/session', '/v1/nothing', '/healthz', '/discover']) {
    const { headers } = await client.send('GET', path);
    const policy = headers.get('content-security-policy');
    assert.match(policy, /default-src 'self'/, path);
    assert.match(policy, /script-src 'self'(;|$)/, path);
    assert.match(policy, /frame-ancestors 'none'/, path);
    assert.doesNotMatch(policy, /unsafe|\*|https?:/, path);
    assert.equal(headers.get('x-content-type-options'), 'nosniff', path);
    assert.ok(headers.get('x-request-id'), path);
  }
});

house.scene('nothing personal stands in the log', async () => {
  const handle = 'zanzibar_quill';
  const client = await house.person(handle, { display_name: 'Zanzibar Quill' });
  await client.send('GET', `/v1/people/${handle}`);
  await client.send('GET', '/v1/search?q=zanzibar_secret_word&kind=videos');
  await client.send('POST', '/v1/session', { handle, password: 'a-wrong-password-here' });
  const log = house.server.lines.filter((line) => !line.startsWith('---')).join('\n');
  for (const word of [handle, 'Zanzibar', 'zanzibar_secret_word', 'a-wrong-password-here', ...client.cookies.values()]) {
    assert.ok(!log.includes(word), `the log holds ${word}`);
  }
  const metrics = (await client.send('GET', '/metrics')).text;
  assert.doesNotMatch(metrics, /zanzibar/i);
  for (const line of log.split('\n').filter((l) => l.startsWith('{'))) JSON.parse(line);
});
