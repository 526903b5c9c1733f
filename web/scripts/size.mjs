// Weighs the shell: what the first page needs before it can draw the stage, compressed. Fails above the limit.
import { existsSync, readFileSync } from 'node:fs';
import { gzipSync } from 'node:zlib';

const limit_bytes = 100 * 1024;
const dist = new URL('../dist/', import.meta.url).pathname;
if (!existsSync(`${dist}.vite/manifest.json`)) {
  console.error('dist/ is missing: run `npm run build` first');
  process.exit(1);
}
const manifest = JSON.parse(readFileSync(`${dist}.vite/manifest.json`, 'utf8'));

const files = new Set(['index.html']);
const visited = new Set();
function take(key) {
  if (visited.has(key)) return;
  visited.add(key);
  const chunk = manifest[key];
  files.add(chunk.file);
  for (const css of chunk.css ?? []) files.add(css);
  for (const next of chunk.imports ?? []) take(next);
}
take('index.html');
take('src/pages/Stage.svelte');

let total = 0;
for (const file of files) {
  const bytes = gzipSync(readFileSync(dist + file), { level: 9 }).length;
  total += bytes;
  console.log(`${String(bytes).padStart(8)}  ${file}`);
}
console.log(`${String(total).padStart(8)}  shell with the stage, compressed (limit ${limit_bytes})`);
for (const file of files) {
  if (/hls|tus/i.test(file)) {
    console.error(`${file} must load on demand`);
    process.exit(1);
  }
}
if (total > limit_bytes) {
  console.error('the shell is too large');
  process.exit(1);
}
