/** The real binary as a process: started, asked, stopped, killed, started again on the same data. */
import { spawn } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { basename, dirname, join } from 'node:path';
import { binary } from './places.js';
import { final, patience, until } from './until.js';

const ready_within_ms = 60_000;
const stop_within_ms = 40_000 * patience;
const log_lines_max = 4000;

const running = new Set();
process.on('exit', () => {
  for (const child of running) child.kill('SIGKILL');
});

/** A port that nothing listens on now. */
export async function free_port() {
  const probe = createServer();
  await new Promise((done, failed) => probe.once('error', failed).listen(0, '127.0.0.1', done));
  const { port } = probe.address();
  await new Promise((done) => probe.close(done));
  return port;
}

/** The environment without settings of the person who runs the tests. */
function clean_environment() {
  return Object.fromEntries(Object.entries(process.env).filter(([name]) => !name.startsWith('WATERSHED')));
}

/** Runs the binary to its end. */
export async function run(args) {
  const child = spawn(binary, args, { env: clean_environment(), stdio: ['ignore', 'pipe', 'pipe'] });
  running.add(child);
  let stdout = '';
  let stderr = '';
  child.stdout.on('data', (part) => (stdout += part));
  child.stderr.on('data', (part) => (stderr += part));
  const code = await new Promise((done, failed) => child.once('error', failed).once('close', done));
  running.delete(child);
  return { code, stdout, stderr };
}

export class Server {
  /** `data`: a folder to start on, removed at the end when `owned`; without it a temporary one is made. */
  constructor({ data, owned = !data, command = ['serve'], sets = {}, name = 'server' } = {}) {
    this.name = name;
    this.owned = owned;
    this.data = data ?? mkdtempSync(join(tmpdir(), 'watershed-e2e-'));
    this.command = command;
    this.sets = sets;
    this.lines = [];
    this.child = null;
  }

  async start() {
    this.port ??= await free_port();
    this.url = `http://localhost:${this.port}`;
    const sets = Object.entries(this.sets).flatMap(([key, value]) => ['--set', `${key}=${value}`]);
    // A relative folder, as the default is one.
    const args = [...this.command, '--data', basename(this.data), '--address', `127.0.0.1:${this.port}`, ...sets];
    const child = spawn(binary, args, { cwd: dirname(this.data), env: clean_environment(), stdio: ['ignore', 'pipe', 'pipe'] });
    this.child = child;
    running.add(child);
    this.lines.push(`--- ${binary} ${args.join(' ')} (pid ${child.pid})`);
    for (const stream of [child.stdout, child.stderr]) {
      let rest = '';
      stream.setEncoding('utf8').on('data', (part) => {
        const lines = (rest + part).split('\n');
        rest = lines.pop();
        this.lines.push(...lines);
        if (this.lines.length > log_lines_max) this.lines.splice(0, this.lines.length - log_lines_max);
      });
    }
    this.ended = new Promise((done) => {
      child.once('error', (error) => {
        this.lines.push(`--- not started: ${error.message}`);
        running.delete(child);
        done({ code: null, signal: null, error });
      });
      child.once('close', (code, signal) => {
        this.lines.push(`--- ended: code ${code}, signal ${signal}`);
        running.delete(child);
        if (this.child === child) this.child = null;
        done({ code, signal });
      });
    });
    await until(
      'the server to be ready',
      async () => {
        if (!this.child) throw final(`the server ended before it was ready\n${this.tail(40)}`);
        return (await fetch(`${this.url}/readyz`)).ok;
      },
      { within_ms: ready_within_ms },
    );
    return this;
  }

  /** Asks this process to end, and waits. */
  async stop(signal = 'SIGTERM') {
    const { child, ended } = this;
    if (!child) return { code: null, signal: null };
    child.kill(signal);
    let timer;
    const late = new Promise((_, failed) => {
      timer = setTimeout(() => {
        child.kill('SIGKILL');
        failed(new Error(`the server did not end within ${stop_within_ms} ms of ${signal}\n${this.tail(40)}`));
      }, stop_within_ms);
    });
    return Promise.race([ended, late]).finally(() => clearTimeout(timer));
  }

  /** Ends this process the hard way, as a power cut would. */
  async kill() {
    this.child?.kill('SIGKILL');
    await this.ended;
  }

  async restart() {
    await this.stop();
    return this.start();
  }

  async close() {
    try {
      await this.stop();
    } finally {
      if (this.owned) rmSync(this.data, { recursive: true, force: true, maxRetries: 3 });
    }
  }

  tail(count = 80) {
    return this.lines.slice(-count).join('\n');
  }
}
