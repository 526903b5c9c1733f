/** What a test file needs: servers, a browser, visitors; and what is shown when a test fails. */
import assert from 'node:assert/strict';
import { after, before, test } from 'node:test';
import { launch, phone, Visitor } from './browser.js';
import { Client } from './api.js';
import { Server } from './server.js';
import { patience } from './until.js';

const scene_within_ms = 120_000;

export class House {
  /** `server`: options of the one server that the file's tests share, or false; `browser`: options, or false. */
  constructor(name, { server = {}, browser = {}, prepare } = {}) {
    this.name = name;
    this.servers = [];
    this.visitors = [];
    before(async () => {
      if (browser) this.browser = await launch(browser);
      if (server) {
        const options = typeof server === 'function' ? await server() : server;
        this.server = await this.host(options);
      }
      await prepare?.(this);
    });
    after(() => this.close());
  }

  /** Another server, ended with the house. */
  async host(options) {
    const server = new Server({ name: this.name, ...options });
    this.servers.push(server);
    try {
      return await server.start();
    } catch (error) {
      console.error(server.tail());
      throw error;
    }
  }

  client(server = this.server) {
    return new Client(server);
  }

  /** A signed-up person. */
  async person(handle, extra, server = this.server) {
    const client = this.client(server);
    await client.sign_up(handle, extra);
    return client;
  }

  /** A browser window of its own; `as`: a client to be signed in as. */
  async visitor({ size = phone, server = this.server, as, ...options } = {}) {
    const visitor = await Visitor.open(this.browser, server, size, options);
    this.visitors.push(visitor);
    if (as) await visitor.as(as);
    return visitor;
  }

  /** One test. Its visitors must not have complained; when it fails, their last pictures and the servers' logs are shown. */
  scene(name, body, { within_ms = scene_within_ms } = {}) {
    test(name, async (t) => {
      let timer;
      const late = new Promise((_, failed) => {
        timer = setTimeout(() => failed(new Error(`not done within ${within_ms * patience} ms`)), within_ms * patience);
      });
      try {
        await Promise.race([body(t), late]);
        for (const visitor of this.visitors) {
          assert.deepEqual(visitor.unexpected(), [], `the ${visitor.size} window complained`);
        }
      } catch (error) {
        await this.#show(name, error);
        throw error;
      } finally {
        clearTimeout(timer);
        await Promise.allSettled(this.visitors.splice(0).map((visitor) => visitor.close()));
      }
    });
  }

  async #show(name, error) {
    console.error(`\n=== ${this.name}: ${name}: ${error.message}`);
    const slug = `failed-${this.name}-${name.replace(/[^a-z0-9]+/gi, '-').slice(0, 60)}`;
    for (const [place, visitor] of this.visitors.entries()) {
      console.error(`--- window ${place} (${visitor.size}) at ${visitor.page.url()}`);
      for (const problem of visitor.problems) console.error(`    ${problem}`);
      await visitor.screenshot(`${slug}-${place}`).catch((reason) => console.error(`    no picture: ${reason.message}`));
    }
    for (const server of this.servers) console.error(`--- log of ${server.name}\n${server.tail()}`);
  }

  async close() {
    await this.browser?.close();
    const ends = await Promise.allSettled(this.servers.map((server) => server.close()));
    const failed = ends.find((end) => end.status === 'rejected');
    if (failed) throw failed.reason;
  }
}
