/**
 * A data folder with three clearly different kinds of clips by several creators, made once by the real server through its
 * API and copied for every server that wants to start on it.
 */
import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { Client } from './api.js';
import { kind_names, make } from './clips.js';
import { binary, results } from './places.js';
import { Server } from './server.js';

export const clips_per_kind = 10;
const creators_per_kind = 3;
/** Long enough that a quick swipe is a skip (less than a quarter), short enough to be watched to the end in a test. */
const clip_seconds = 3;

/** Captions in both languages, so that search has something to find. */
const captions = {
  bars: (n) => `Red stripes number ${n} on the move #bars #stripes`,
  fractal: (n) => (n % 2 ? `分形的海岸 ${n} 号 #fractal #数学` : `Deep in the Mandelbrot coast ${n} #fractal #maths`),
  life: (n) => (n % 2 ? `生命游戏 第${n}代 #life #细胞` : `Cells that live and die, run ${n} #life #cells`),
};

/** The catalogue belongs to one build of the binary, and to what its clips are made by. */
function stamp() {
  return [binary, fileURLToPath(import.meta.resolve('./clips.js'))].map((path) => Math.round(statSync(path).mtimeMs)).join('-');
}

async function seed(data) {
  const server = await new Server({ data, name: 'catalogue' }).start();
  try {
    const clips = {};
    const creators = {};
    // Two at a time: one transcodes while the next is made and sent.
    const queue = [];
    for (const kind of kind_names) {
      creators[kind] = [];
      for (let n = 0; n < creators_per_kind; n += 1) {
        const client = new Client(server);
        await client.sign_up(`${kind}_${n}`, { display_name: `${kind} ${n}` });
        creators[kind].push(client);
      }
      for (let n = 0; n < clips_per_kind; n += 1) queue.push({ kind, n });
    }
    const waiting = [];
    const work = async () => {
      for (let next = queue.shift(); next; next = queue.shift()) {
        const { kind, n } = next;
        const client = creators[kind][n % creators_per_kind];
        const clip = await client.clip(await make(kind, n, { seconds: clip_seconds }), captions[kind](n), { wait: false });
        waiting.push({ clip, client, kind });
      }
    };
    await Promise.all([work(), work()]);
    for (const { clip, client, kind } of waiting) {
      const done = await client.decided(clip.id, { wanted: 'published', within_ms: 240_000 });
      // The tests count on clips that are all different.
      if (done.duplicate_of) throw new Error(`${kind}: ${done.caption} was taken for a copy of ${done.duplicate_of}`);
      clips[done.id] = kind;
    }
    // Whole clips, every rendition done: the copies start with nothing left to do.
    return { clips, creators: Object.fromEntries(kind_names.map((kind) => [kind, creators[kind].map((c) => c.handle)])) };
  } catch (error) {
    console.error(server.tail());
    throw error;
  } finally {
    await server.stop();
  }
}

/** Returns `{data, clips: {id: kind}, creators: {kind: [handle]}}`; the folder is the caller's own copy. */
export async function catalogue() {
  const home = join(results, `catalogue-${stamp()}`);
  const about = join(home, 'about.json');
  if (!existsSync(about)) {
    const making = `${home}.making`;
    rmSync(making, { recursive: true, force: true });
    mkdirSync(making, { recursive: true });
    const made = await seed(join(making, 'data'));
    writeFileSync(join(making, 'about.json'), JSON.stringify(made));
    renameSync(making, home);
  }
  const data = mkdtempSync(join(tmpdir(), 'watershed-e2e-'));
  cpSync(join(home, 'data'), data, { recursive: true });
  return { data, ...JSON.parse(readFileSync(about, 'utf8')) };
}
