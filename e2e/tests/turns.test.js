/** The feed turns: what a stranger watches to the end comes more, what they skip comes less, within one more page. */
import assert from 'node:assert/strict';
import { catalogue, clips_per_kind } from '../support/catalogue.js';
import { kind_names } from '../support/clips.js';
import { House } from '../support/house.js';
import { next, watch_to_the_end } from '../support/stage.js';
import { until } from '../support/until.js';

let kind_of;
const house = new House('turns', {
  browser: { autoplay: true },
  server: async () => {
    const { data, clips } = await catalogue();
    kind_of = clips;
    return { data, owned: true };
  },
});

const share = (ids, kind) => ids.filter((id) => kind_of[id] === kind).length / ids.length;
const ids_of = (page) => page.items.map((item) => item.video.id);
const probability = (item, task) => item.explain.predictions.find((p) => p.task === task)?.probability;
const mean = (numbers) => numbers.reduce((sum, n) => sum + n, 0) / numbers.length;
/** The kind of which the first page has most: it is the one to skip. */
const most_of = (ids) => kind_names.toSorted((a, b) => share(ids, b) - share(ids, a))[0];

house.scene('through the API: the very next page has turned, and says why', async (t) => {
  const viewer = house.client();
  const first = await viewer.get('/v1/feed?limit=8&explain=1');
  const shown = ids_of(first);
  assert.equal(new Set(shown).size, 8, 'a stranger gets a page of clips, none twice');
  assert.ok(new Set(shown.map((id) => kind_of[id])).size >= 2, 'of more than one kind');
  const disliked = most_of(shown);
  for (const item of first.items) {
    assert.ok(item.explain.sources.length > 0 && item.why.length > 0, 'each clip says where it came from');
    assert.ok(item.explain.predictions.length >= 3);
    for (const p of item.explain.predictions) assert.ok(p.probability >= 0 && p.probability <= 1 && Number.isFinite(p.weight));
    assert.ok(item.explain.propensity > 0 && item.explain.propensity <= 1);
  }
  assert.ok(first.sources.some((source) => source.status === 'ok' && source.candidates > 0));

  const watched = first.items.flatMap(({ video, position }) => {
    const watch_ms = kind_of[video.id] === disliked ? 250 : video.duration_ms;
    const about = { video: video.id, slate: first.slate, position };
    return [{ type: 'impression', ...about }, { type: 'watch', ...about, watch_ms, duration_ms: video.duration_ms }];
  });
  const receipt = await viewer.events(watched);
  assert.deepEqual(receipt.rejected, []);

  // At once, without waiting: what was just done is in the next page's scores.
  const second = await viewer.get('/v1/feed?limit=8&explain=1');
  const following = ids_of(second);
  t.diagnostic(`${disliked} skipped: ${share(shown, disliked)} of the first page, ${share(following, disliked)} of the second`);
  assert.ok(share(shown, disliked) >= 0.25);
  assert.ok(share(following, disliked) <= 1 / 6, `${following.map((id) => kind_of[id])} after ${disliked} was skipped`);
  assert.deepEqual(following.filter((id) => shown.includes(id)), [], 'a clip seen does not return while unseen ones are left');
  assert.ok(second.removed.some((r) => r.count >= shown.length && shown.every((id) => r.videos.length >= 20 || r.videos.includes(id))), 'the page tells that those seen were removed');

  // The same clips are expected to do better with this viewer than with a stranger.
  const stranger = house.client();
  const fresh = new Map();
  for (let page = 0; page < 4; page += 1) {
    for (const item of (await stranger.get('/v1/feed?limit=10&explain=1')).items) fresh.set(item.video.id, item);
  }
  const liked = second.items.filter((item) => kind_of[item.video.id] !== disliked && fresh.has(item.video.id));
  assert.ok(liked.length >= 3);
  const here = mean(liked.map((item) => probability(item, 'finish')));
  const there = mean(liked.map((item) => probability(fresh.get(item.video.id), 'finish')));
  t.diagnostic(`finish predicted: ${here.toFixed(3)} for this viewer, ${there.toFixed(3)} for a stranger`);
  assert.ok(here > there, `${here} is not more than ${there}`);

  const taste = await viewer.get('/v1/me/taste');
  const weight = (kind) => taste.topics.find((topic) => topic.hashtag === kind)?.weight ?? 0;
  for (const kind of kind_names.filter((k) => k !== disliked)) {
    assert.ok(weight(disliked) < weight(kind), `#${disliked} ${weight(disliked)} is not less than #${kind} ${weight(kind)}`);
  }
  const history = await viewer.all('/v1/me/history');
  assert.deepEqual(new Set(history.map((entry) => entry.video.id)), new Set(shown), 'the history is what was watched');
});

house.scene(
  'in the browser: two kinds watched to the end, one skipped',
  async (t) => {
    const visitor = await house.visitor();
    const pages = [];
    visitor.page.on('response', async (response) => {
      if (new URL(response.url()).pathname === '/v1/feed' && response.ok()) {
        const place = pages.push(null) - 1;
        pages[place] = await response.json().catch(() => null);
      }
    });
    await visitor.page.goto('/');
    await visitor.plays();
    const first = ids_of(await until('the first page', () => pages[0]));
    const disliked = most_of(first);
    assert.ok(share(first, disliked) >= 0.25);

    // Through the first page, until both of the other kinds were watched, and on until a page could know all of it.
    const order = [];
    const watched = new Set();
    let id = await visitor.page.locator('[data-testid="clip"][data-active="true"]').getAttribute('data-video-id');
    const told = () => pages.length > asked_before;
    let asked_before = Infinity;
    for (let place = 0; place < 4 * first.length && !told(); place += 1) {
      assert.ok(kind_of[id], `an unknown clip ${id}`);
      order.push(id);
      if (kind_of[id] !== disliked) {
        await watch_to_the_end(visitor);
        watched.add(kind_of[id]);
      }
      if (order.length >= first.length && watched.size === 2 && asked_before === Infinity) {
        await visitor.screenshot('turns-end-of-first-page');
        asked_before = pages.length;
      }
      id = await next(visitor);
    }
    const after = ids_of(await until('the page that follows', () => pages[asked_before]));
    t.diagnostic(`${disliked} skipped; pages: ${pages.filter(Boolean).map((page) => ids_of(page).map((v) => kind_of[v][0]).join('')).join(' ')}`);
    assert.deepEqual(order.slice(0, first.length), first, 'the clips come in the order of the page');
    assert.equal(new Set(order).size, order.length, 'no clip comes twice');
    assert.ok(share(after, disliked) <= 1 / 6, `${after.map((v) => kind_of[v])} after ${disliked} was skipped`);
    assert.ok(share(after, disliked) < share(first, disliked));

    // And on the page that shows it, the feed tells what it learned.
    const taste = await visitor.page.evaluate(async () => (await fetch('/v1/me/taste')).json());
    const weight = (kind) => taste.topics.find((topic) => topic.hashtag === kind)?.weight ?? 0;
    for (const kind of kind_names.filter((k) => k !== disliked)) assert.ok(weight(disliked) < weight(kind));
  },
  { within_ms: 180_000 },
);

house.scene('no clip is lost: page by page a stranger sees all of them, each once', async () => {
  const viewer = house.client();
  const seen = [];
  for (let page = 0; page < 12 && seen.length < kind_names.length * clips_per_kind; page += 1) {
    const { items, slate } = await viewer.get('/v1/feed?limit=8');
    seen.push(...items.map((item) => item.video.id));
    await viewer.events(items.map(({ video, position }) => ({ type: 'watch', video: video.id, slate, watch_ms: video.duration_ms, duration_ms: video.duration_ms })));
  }
  assert.equal(seen.length, new Set(seen).size, 'a clip seen does not return while unseen ones are left');
  assert.deepEqual(new Set(seen), new Set(Object.keys(kind_of)));
});
