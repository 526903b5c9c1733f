/** A client of the HTTP API with cookies, as a program would be. */
import assert from 'node:assert/strict';
import { randomUUID } from 'node:crypto';
import { final, until } from './until.js';

export const password = 'correct-horse-battery-staple';
let made = 0;

/** A handle that nothing else in this process has. */
export function fresh_handle(stem = 'p') {
  made += 1;
  return `${stem}_${process.pid.toString(36)}_${made}`;
}

export class Client {
  constructor(server) {
    this.server = server;
    this.cookies = new Map();
  }

  /** One request; `body` is sent as JSON unless it is bytes or text. */
  async send(method, path, body, headers = {}) {
    const sent = { ...headers };
    if (this.cookies.size) sent.cookie ??= [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ');
    let payload = body;
    if (body !== undefined && !(body instanceof Uint8Array) && typeof body !== 'string') {
      sent['content-type'] ??= 'application/json';
      payload = JSON.stringify(body);
    }
    const response = await fetch(new URL(path, this.server.url), { method, headers: sent, body: payload, redirect: 'manual' });
    for (const line of response.headers.getSetCookie()) {
      const [name, value] = line.split(';')[0].split('=');
      if (value) this.cookies.set(name, value);
      else this.cookies.delete(name);
    }
    const bytes = new Uint8Array(await response.arrayBuffer());
    const text = new TextDecoder().decode(bytes);
    const json = /[/+]json/.test(response.headers.get('content-type') ?? '') && text ? JSON.parse(text) : null;
    return { status: response.status, headers: response.headers, bytes, text, json };
  }

  /** One request that must be answered with one of `statuses`; returns the JSON. */
  async expect(statuses, method, path, body, headers) {
    const answer = await this.send(method, path, body, headers);
    const wanted = [statuses].flat();
    assert.ok(wanted.includes(answer.status), `${method} ${path}: ${answer.status}, wanted ${wanted}; ${answer.text.slice(0, 600)}`);
    return answer.json;
  }

  get(path) {
    return this.expect(200, 'GET', path);
  }
  post(path, body) {
    return this.expect([200, 201, 204], 'POST', path, body);
  }
  put(path, body) {
    return this.expect([200, 201, 204], 'PUT', path, body);
  }
  patch(path, body) {
    return this.expect([200, 204], 'PATCH', path, body);
  }
  del(path, body) {
    return this.expect([200, 204], 'DELETE', path, body);
  }

  /** Everything of a list that goes on. */
  async all(path) {
    const items = [];
    let cursor = null;
    for (let page = 0; page < 100; page += 1) {
      const joined = path + (path.includes('?') ? '&' : '?') + new URLSearchParams(cursor ? { limit: 50, cursor } : { limit: 50 });
      const list = await this.get(joined);
      items.push(...list.items);
      cursor = list.next_cursor;
      if (!cursor) return items;
    }
    throw new Error(`${path} does not end`);
  }

  async sign_up(handle = fresh_handle(), extra = {}) {
    const session = await this.post('/v1/accounts', { handle, password, birth_year: 1990, ...extra });
    this.handle = session.account.handle;
    return session;
  }

  /** The event batch that says: these were watched for so long. */
  events(events) {
    return this.post('/v1/events', { events: events.map((e) => ({ id: randomUUID(), at_ms: Date.now(), ...e })) });
  }

  /** Uploads bytes by tus in one piece and returns the upload's id. */
  async upload(bytes, { filename = 'clip.mp4', filetype = 'video/mp4' } = {}) {
    const encode = (text) => Buffer.from(text).toString('base64');
    const created = await this.send('POST', '/v1/uploads', undefined, {
      'tus-resumable': '1.0.0',
      'upload-length': String(bytes.length),
      'upload-metadata': `filename ${encode(filename)},filetype ${encode(filetype)}`,
    });
    assert.equal(created.status, 201, created.text);
    const location = created.headers.get('location');
    if (bytes.length) {
      const patched = await this.send('PATCH', location, bytes, {
        'tus-resumable': '1.0.0',
        'upload-offset': '0',
        'content-type': 'application/offset+octet-stream',
      });
      assert.equal(patched.status, 204, patched.text);
      assert.equal(patched.headers.get('upload-offset'), String(bytes.length));
    }
    return location.split('/').pop();
  }

  /** Waits until the server has looked at an upload. */
  probed(upload, within_ms = 60_000) {
    return until(
      `upload ${upload} to be looked at`,
      async () => {
        const status = await this.get(`/v1/uploads/${upload}/status`);
        return ['ready', 'refused'].includes(status.state) && status;
      },
      { within_ms },
    );
  }

  /** Waits until a clip is published or refused; stops early on what cannot become `wanted`. */
  decided(video, { wanted, within_ms = 120_000 } = {}) {
    return until(
      `clip ${video} to be decided`,
      async () => {
        const clip = await this.get(`/v1/videos/${video}/upload`);
        if (!['published', 'refused'].includes(clip.status)) return null;
        if (wanted && clip.status !== wanted) throw final(`clip ${video} is ${clip.status}: ${JSON.stringify(clip.refusal)}`);
        return clip;
      },
      { within_ms, every_ms: 150 },
    );
  }

  /** Uploads, publishes and, unless told otherwise, waits for the clip to be seen by others. */
  async clip(bytes, caption, { wait = true, sound } = {}) {
    const upload = await this.upload(bytes);
    const clip = await this.post('/v1/videos', { upload, caption, sound });
    return wait ? this.decided(clip.id, { wanted: 'published' }) : clip;
  }
}
