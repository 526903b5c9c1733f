// Draws the PNG icons from public/icons/icon.svg. Needs a Chromium (CHROMIUM names it); run when the drawing changes and
// commit what it makes.
import { execFileSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

const chromium = process.env.CHROMIUM ?? '/usr/bin/chromium';
const icons = new URL('../public/icons/', import.meta.url).pathname;
const drawing = readFileSync(join(icons, 'icon.svg'), 'utf8');
// A maskable icon is cut by the system: no corners of its own, everything within the middle 80 per cent.
const maskable = drawing.replace(' rx="112"', '');
const work = mkdtempSync(join(tmpdir(), 'watershed-icons-'));

for (const { name, size, svg } of [
  { name: 'icon-192.png', size: 192, svg: drawing },
  { name: 'icon-512.png', size: 512, svg: drawing },
  { name: 'maskable-512.png', size: 512, svg: maskable },
  { name: 'apple-180.png', size: 180, svg: maskable },
]) {
  const page = join(work, `${name}.html`);
  const sized = svg.replace('<svg ', `<svg width="${size}" height="${size}" `);
  writeFileSync(page, `<!doctype html><style>body{margin:0;background:transparent}svg{display:block}</style>${sized}`);
  execFileSync(
    chromium,
    [
      '--headless',
      '--no-sandbox',
      '--hide-scrollbars',
      '--default-background-color=00000000',
      `--window-size=${size},${size}`,
      `--screenshot=${join(icons, name)}`,
      `file://${page}`,
    ],
    { stdio: 'ignore' },
  );
}
rmSync(work, { recursive: true });
