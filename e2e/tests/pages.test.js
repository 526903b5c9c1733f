/** Every page at a phone's and a desktop's size: it loads, says its names, fits, and does what it is for. */
import assert from 'node:assert/strict';
import { desktop, nameless, overflow, phone } from '../support/browser.js';
import { catalogue } from '../support/catalogue.js';
import { House } from '../support/house.js';
import { active_clip, current, next, watch_to_the_end } from '../support/stage.js';
import { until } from '../support/until.js';

let made;
let person;
const house = new House('pages', {
  browser: { autoplay: true },
  server: async () => {
    made = await catalogue();
    return { data: made.data, owned: true };
  },
  prepare: async (house) => {
    person = await house.person('curious_otter', { display_name: 'Curious Otter' });
    const ids = Object.keys(made.clips).slice(0, 6);
    await person.events(ids.flatMap((video) => [{ type: 'impression', video }, { type: 'watch', video, watch_ms: 3000, duration_ms: 3000 }]));
    await person.put(`/v1/videos/${ids[0]}/like`);
    await person.put(`/v1/people/${made.creators.life[0]}/follow`);
  },
});

const sizes = [phone, desktop];
const some_of = (kind) => Object.keys(made.clips).find((id) => made.clips[id] === kind);

/** Opens a page and waits until nothing in it is still loading. */
async function open(visitor, path, { ready } = {}) {
  await visitor.page.goto(path);
  await visitor.page.locator('#main > *').first().waitFor();
  await until(`${path} to be whole`, () =>
    visitor.page.evaluate(() => !document.querySelector('#main .skeleton, #main [aria-busy="true"]') && document.querySelector('#main')?.innerText.trim().length > 0),
  );
  if (ready) await visitor.page.locator(ready).first().waitFor();
}

for (const size of sizes) {
  house.scene(
    `every page fits, names its controls and does not complain (${size.name})`,
    async () => {
      const life = some_of('life');
      const sound = (await person.get(`/v1/videos/${life}`)).sound;
      const paths = {
        home: '/',
        following: '/following',
        clip: `/v/${life}`,
        discover: '/discover',
        search: '/search?q=Mandelbrot',
        hashtag: '/t/fractal',
        ...(sound ? { sound: `/s/${sound.id}` } : {}),
        creator: `/@${made.creators.bars[0]}`,
        me: '/me',
        upload: '/upload',
        inbox: '/inbox',
        settings: '/settings',
        'your-feed': '/your-feed',
        history: '/history',
        studio: '/studio',
      };
      const visitor = await house.visitor({ size, as: person });
      for (const [name, path] of Object.entries(paths)) {
        await open(visitor, path);
        assert.deepEqual(await nameless(visitor), [], `${path}: a screen reader cannot name these`);
        assert.ok((await overflow(visitor)) <= 0, `${path} is wider than the window`);
        await visitor.screenshot(`page-${name}`);
        assert.deepEqual(visitor.unexpected(), [], path);
      }
      const stranger = await house.visitor({ size });
      for (const [name, path] of Object.entries({ 'sign-in': '/sign-in', lost: '/no/such/page', 'me-signed-out': '/me', 'settings-signed-out': '/settings' })) {
        await open(stranger, path);
        assert.deepEqual(await nameless(stranger), [], path);
        assert.ok((await overflow(stranger)) <= 0, path);
        await stranger.screenshot(`page-${name}`);
      }
    },
    { within_ms: 180_000 },
  );

  house.scene(`search finds in English and in Chinese (${size.name})`, async () => {
    const visitor = await house.visitor({ size });
    const { page } = visitor;
    await open(visitor, '/search');
    const field = page.getByRole('searchbox').or(page.getByRole('combobox')).first();
    for (const [words, kind] of [['Mandelbrot coast', 'fractal'], ['生命游戏', 'life'], ['海岸', 'fractal']]) {
      await field.fill(words);
      await field.press('Enter');
      await until(`clips about ${words}`, async () => {
        const ids = await page.getByTestId('tile').evaluateAll((tiles) => tiles.map((tile) => tile.dataset.videoId));
        return ids.length > 0 && ids.every((id) => made.clips[id] === kind);
      });
      await visitor.screenshot(`search-${kind}-${words.length}`);
    }
    await page.getByTestId('tile').first().click();
    await page.waitForURL(/\/v\//);
    await visitor.plays();
  });

  house.scene(`hashtag, sound and creator pages lead to clips (${size.name})`, async () => {
    const visitor = await house.visitor({ size });
    const { page } = visitor;
    await open(visitor, '/t/fractal');
    await page.getByTestId('tile').first().waitFor();
    const shown = await page.getByTestId('tile').evaluateAll((tiles) => tiles.map((tile) => tile.dataset.videoId));
    assert.ok(shown.length >= 6 && shown.every((id) => made.clips[id] === 'fractal'));
    await page.getByTestId('tile').nth(1).click();
    await page.waitForURL(`**/v/${shown[1]}`);
    await visitor.plays();
    await page.goBack();
    await page.waitForURL('**/t/fractal');

    await open(visitor, `/@${made.creators.bars[1]}`);
    await page.getByTestId('tile').first().waitFor();
    const own = await page.getByTestId('tile').evaluateAll((tiles) => tiles.map((tile) => tile.dataset.videoId));
    assert.ok(own.every((id) => made.clips[id] === 'bars'));
    assert.match(await page.locator('#main').innerText(), new RegExp(`@${made.creators.bars[1]}`));
  });

  house.scene(`keys move, pause, mute, like, comment and list themselves (${size.name})`, async () => {
    const visitor = await house.visitor({ size, as: person });
    const { page } = visitor;
    await open(visitor, '/', { ready: active_clip });
    await visitor.plays();
    const first = await current(visitor);
    const second = await next(visitor);
    await visitor.plays();
    await page.keyboard.press('ArrowUp');
    await until('the clip before', async () => (await current(visitor)) === first);
    await page.keyboard.press('ArrowDown');
    await until('the clip after', async () => (await current(visitor)) === second);
    await visitor.plays();

    await page.keyboard.press(' ');
    await until('a pause', async () => (await visitor.playing()).paused);
    await page.keyboard.press(' ');
    await visitor.plays();

    const muted = (await visitor.playing()).muted;
    await page.keyboard.press('m');
    await until('the sound to change', async () => (await visitor.playing()).muted !== muted);
    await page.keyboard.press('m');
    await until('the sound to change back', async () => (await visitor.playing()).muted === muted);

    const like = page.locator(active_clip).getByTestId('like');
    const liked = await like.getAttribute('aria-pressed');
    await page.keyboard.press('l');
    await until('the heart', async () => (await like.getAttribute('aria-pressed')) !== liked);
    await until('the server to know', async () => String((await person.get(`/v1/videos/${second}`)).mine.liked) !== liked);

    await page.keyboard.press('c');
    await page.getByTestId('comments-sheet').waitFor();
    await visitor.screenshot('keys-comments');
    await page.keyboard.press('Escape');
    await page.getByTestId('comments-sheet').waitFor({ state: 'hidden' });
    await page.keyboard.press('?');
    await page.getByTestId('keys-sheet').waitFor();
    await visitor.screenshot('keys-list');
    await page.keyboard.press('Escape');
  });

  house.scene(`language and theme change at once and are remembered (${size.name})`, async () => {
    const account = await house.person();
    const visitor = await house.visitor({ size, as: account });
    const { page } = visitor;
    await open(visitor, '/settings');
    const ground = () => page.evaluate(() => getComputedStyle(document.body).backgroundColor);
    await page.getByRole('radio', { name: 'Light' }).or(page.getByRole('button', { name: 'Light', exact: true })).first().click();
    const light = await until('a light page', async () => {
      const colour = await ground();
      return Number(colour.match(/\d+/)[0]) > 200 && colour;
    });
    await visitor.screenshot('settings-light');
    await page.getByRole('radio', { name: 'Dark' }).or(page.getByRole('button', { name: 'Dark', exact: true })).first().click();
    await until('a dark page', async () => Number((await ground()).match(/\d+/)[0]) < 60);
    assert.notEqual(await ground(), light);

    await page.getByRole('radio', { name: '中文' }).or(page.getByRole('button', { name: '中文' })).first().click();
    await until('Chinese', async () => (await page.locator('html').getAttribute('lang'))?.startsWith('zh') && /设置/.test(await page.locator('#main').innerText()));
    await visitor.screenshot('settings-chinese');
    await page.reload();
    await until('Chinese and dark after a reload', async () => /设置/.test(await page.locator('#main').innerText()) && Number((await ground()).match(/\d+/)[0]) < 60);
    await page.getByRole('radio', { name: 'English' }).or(page.getByRole('button', { name: 'English' })).first().click();
    await until('English', async () => /Settings/.test(await page.locator('#main').innerText()));
    await until('the account to know', async () => (await account.get('/v1/me')).language === 'en');
  });
}

house.scene('the history is what the feed learned from, and can be taken back', async () => {
  const visitor = await house.visitor();
  const { page } = visitor;
  await page.goto('/');
  await visitor.plays();
  const watched = [];
  for (let place = 0; place < 3; place += 1) {
    watched.push(await current(visitor));
    await watch_to_the_end(visitor);
    await next(visitor);
  }
  await open(visitor, '/history');
  const entries = page.getByTestId('history-entry');
  const listed = () => entries.evaluateAll((all) => all.map((entry) => entry.dataset.videoId));
  await until('the clips that were watched', async () => {
    const now = await listed();
    return watched.every((id) => now.includes(id));
  });
  await visitor.screenshot('history');
  // Taken out, brought back, taken out for good.
  const gone = (await listed())[0];
  const remove = () => entries.first().getByRole('button').last().click();
  await remove();
  await until('one to be gone', async () => !(await listed()).includes(gone));
  await page.getByTestId('toast').getByRole('button').click();
  await until('it to be back', async () => (await listed()).includes(gone));
  await remove();
  await page.reload();
  await until('the others to be there, and it not', async () => {
    const now = await listed();
    return now.length >= 2 && !now.includes(gone);
  });
  const known = () => page.evaluate(async () => (await (await fetch('/v1/me/history')).json()).items.map((entry) => entry.video.id));
  await until('the server to have forgotten it', async () => !(await known()).includes(gone));

  await open(visitor, '/your-feed');
  await visitor.screenshot('your-feed');
  assert.ok(/#(bars|fractal|life)/.test(await page.locator('#main').innerText()), 'it says which topics weigh most');

  await open(visitor, '/history');
  await page.getByRole('button', { name: /remove all|forget all|clear/i }).first().click();
  await page.getByTestId('confirm-action').click();
  await until('all to be gone', async () => (await entries.count()) === 0);
  assert.deepEqual(await known(), []);
});

house.scene('offline: a thin banner, clips already here play on, the shell opens again', async () => {
  const visitor = await house.visitor();
  visitor.expect_problem(/ERR_INTERNET_DISCONNECTED|ERR_FAILED|Failed to fetch/);
  const { page, context } = visitor;
  await page.goto('/');
  await visitor.plays();
  await page.evaluate(() => navigator.serviceWorker.ready.then(() => true));
  await until('the worker to serve the page', () => page.evaluate(() => navigator.serviceWorker.controller !== null || location.reload()));
  await visitor.plays();
  await context.setOffline(true);
  await page.getByText('You are offline').waitFor();
  await visitor.plays();
  await visitor.screenshot('offline');
  await page.reload();
  await page.getByRole('navigation').first().waitFor();
  await page.getByText('You are offline').waitFor();
  await visitor.screenshot('offline-reloaded');
  await context.setOffline(false);
  await page.getByText('You are offline').waitFor({ state: 'hidden' });
});

house.scene('it can be installed', async () => {
  const visitor = await house.visitor();
  await visitor.page.goto('/');
  const manifest = await visitor.page.evaluate(async () => {
    const link = document.querySelector('link[rel=manifest]');
    const response = await fetch(link.href);
    return { type: response.headers.get('content-type'), body: await response.json() };
  });
  assert.match(manifest.type, /manifest\+json/);
  const { body } = manifest;
  assert.ok(body.name && body.short_name && body.start_url && ['standalone', 'fullscreen'].includes(body.display));
  assert.ok(body.background_color && body.theme_color);
  for (const wanted of ['192x192', '512x512']) assert.ok(body.icons.some((icon) => icon.sizes.includes(wanted)), wanted);
  assert.ok(body.icons.some((icon) => /maskable/.test(icon.purpose ?? '')));
  for (const icon of body.icons) {
    const picture = await house.client().send('GET', new URL(icon.src, house.server.url).pathname);
    assert.equal(picture.status, 200, icon.src);
    assert.ok(picture.bytes.length > 100, icon.src);
  }
  const scope = await visitor.page.evaluate(async () => (await navigator.serviceWorker.ready).scope);
  assert.equal(scope, `${house.server.url}/`);
});

house.scene('a shared clip shows itself where links are shown', async () => {
  const id = some_of('fractal');
  const client = house.client();
  const clip = await client.get(`/v1/videos/${id}`);
  const page = (await client.send('GET', `/v/${id}`)).text;
  for (const property of ['og:title', 'og:image', 'og:url', 'og:type', 'og:video']) assert.match(page, new RegExp(`property="${property}(:url)?"`), property);
  assert.ok(page.includes(clip.creator.handle));
  const oembed = await client.get(`/oembed?url=${encodeURIComponent(`${house.server.url}/v/${id}`)}`);
  assert.equal(oembed.version, '1.0');
  assert.ok(['video', 'rich', 'link', 'photo'].includes(oembed.type));
});
