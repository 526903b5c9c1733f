// The service worker: the shell opens without a network, and clips that were played lately play on.
// What it keeps is bounded; what it never keeps is anything under /v1: answers there belong to a person.
'use strict';

const SHELL = 'watershed-shell-1';
const MEDIA = 'watershed-media-1';
const SHELL_MAX = 160; // files of the app, old builds included
const MEDIA_MAX = 320; // playlists, segments and posters: about 40 clips
const MEDIA_FILE_MAX = 4 * 1024 * 1024;

self.addEventListener('install', (event) => {
  event.waitUntil(install());
});

async function install() {
  await store_shell();
  await self.skipWaiting();
}

/** What the stage needs, as the build names it; the page last, so that it never names what is not here. */
async function store_shell() {
  const cache = await caches.open(SHELL);
  const answer = await fetch('/shell.json', { cache: 'no-cache' });
  if (!answer.ok) return;
  const files = [...(await answer.json()), '/manifest.webmanifest', '/icons/icon.svg'];
  const there = await Promise.all(files.map((file) => cache.match(file)));
  const missing = files.filter((_, i) => !there[i]);
  if (missing.length === 0 && (await cache.match('/'))) return;
  await cache.addAll(missing);
  await cache.add(new Request('/', { cache: 'reload' }));
}

self.addEventListener('activate', (event) => {
  event.waitUntil(activate());
});

async function activate() {
  const names = await caches.keys();
  const old = names.filter((name) => name.startsWith('watershed-') && name !== SHELL && name !== MEDIA);
  await Promise.all(old.map((name) => caches.delete(name)));
  await self.clients.claim();
}

// A page is calm: it names what else it has loaded, and a newer build is taken over.
self.addEventListener('message', (event) => {
  const files = event.data && event.data.keep;
  if (!Array.isArray(files)) return;
  event.waitUntil(
    keep_files(files.slice(0, SHELL_MAX))
      .then(store_shell)
      .catch(() => {}),
  );
});

async function keep_files(files) {
  const cache = await caches.open(SHELL);
  for (const file of files) {
    if (!(await cache.match(file))) await cache.add(file).catch(() => {});
  }
  await trim(cache, SHELL_MAX);
}

self.addEventListener('fetch', (event) => {
  const { request } = event;
  if (request.method !== 'GET') return;
  const url = new URL(request.url);
  if (url.origin !== self.location.origin || url.pathname.startsWith('/v1/')) return;
  if (request.mode === 'navigate') event.respondWith(page(request));
  else if (url.pathname.startsWith('/assets/') || url.pathname.startsWith('/icons/')) event.respondWith(kept(event, SHELL, SHELL_MAX));
  else if (url.pathname.startsWith('/media/') && !request.headers.has('range')) {
    // A playlist grows while a clip is being made; the pieces that it names never change.
    event.respondWith(url.pathname.endsWith('.m3u8') ? newest(event) : kept(event, MEDIA, MEDIA_MAX));
  }
});

/** The page from the network; without one, the shell, which knows every address. */
async function page(request) {
  try {
    return await fetch(request);
  } catch (error) {
    const shell = await caches.match('/');
    if (shell) return shell;
    throw error;
  }
}

/** From the cache, else from the network and kept. */
async function kept(event, name, most) {
  const found = await caches.match(event.request, { ignoreVary: true });
  if (found) return found;
  const answer = await fetch(event.request);
  keep(event, name, most, answer);
  return answer;
}

/** From the network, else from the cache. */
async function newest(event) {
  try {
    const answer = await fetch(event.request);
    keep(event, MEDIA, MEDIA_MAX, answer);
    return answer;
  } catch (error) {
    const found = await caches.match(event.request, { ignoreVary: true });
    if (found) return found;
    throw error;
  }
}

function keep(event, name, most, answer) {
  const length = Number(answer.headers.get('content-length') || 0);
  if (answer.status !== 200 || answer.type !== 'basic' || length > MEDIA_FILE_MAX) return;
  const copy = answer.clone();
  event.waitUntil(
    caches
      .open(name)
      .then(async (cache) => {
        await cache.put(event.request, copy);
        await trim(cache, most);
      })
      .catch(() => {}),
  );
}

/** Oldest first; the shell's page itself always stays. */
async function trim(cache, most) {
  const requests = await cache.keys();
  const surplus = requests.length - most;
  for (const request of requests.slice(0, Math.max(0, surplus))) {
    if (new URL(request.url).pathname !== '/') await cache.delete(request);
  }
}
