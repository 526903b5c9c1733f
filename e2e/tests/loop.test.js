/** The loop on a phone: sign up, upload a real video, see it published and playing; others like it, comment and reply. */
import assert from 'node:assert/strict';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { make } from '../support/clips.js';
import { House } from '../support/house.js';
import { sign_up_in_page } from '../support/people.js';
import { active_clip } from '../support/stage.js';
import { final, until } from '../support/until.js';

const house = new House('loop', {});

house.scene(
  'a real video goes up, and strangers watch it',
  async () => {
    const file = join(house.server.data, '..', `loop-${process.pid}.mp4`);
    writeFileSync(file, await make('life', 5, { size: '360x640', seconds: 6 }));

    const maker = await house.visitor();
    const { page } = maker;
    await sign_up_in_page(maker, 'paper_lantern');
    await maker.screenshot('loop-signed-up');

    await page.goto('/upload');
    await page.locator('input[type=file]').first().setInputFiles(file);
    await page.getByTestId('caption-input').fill('Cells by lantern light #life #night');
    const bar = page.getByTestId('upload-draft').getByRole('progressbar');
    await until('the progress bar to move', async () => Number(await bar.getAttribute('aria-valuenow')) > 0);
    await maker.screenshot('loop-uploading');
    await page.getByTestId('publish').click();

    // The card goes along while other pages are looked at, and tells when the clip is there.
    await page.getByRole('navigation').getByRole('link', { name: 'Discover' }).click();
    const card = page.getByTestId('upload-card').getByTestId('upload-progress');
    await card.waitFor();
    await maker.screenshot('loop-card');
    await until('the clip to be published', async () => {
      const phase = await card.getAttribute('data-phase');
      if (['refused', 'failed'].includes(phase)) throw final(`the clip is ${phase}: ${await card.innerText()}`);
      return phase === 'published';
    }, { within_ms: 90_000 });
    await maker.screenshot('loop-published');
    const client = house.client();
    const [found] = (await client.get('/v1/people/paper_lantern/videos')).items;
    assert.equal(found.caption, 'Cells by lantern light #life #night');
    assert.deepEqual(found.hashtags, ['life', 'night']);
    await card.getByRole('link').click();
    await page.waitForURL(`**/v/${found.id}`);
    const own = await maker.plays();
    assert.ok(Math.abs(own.duration_s - 6) < 0.3, `${own.duration_s} s`);
    await maker.screenshot('loop-own-clip');

    // A stranger opens the app: the clip is there and plays.
    const stranger = await house.visitor();
    await stranger.page.goto('/');
    const seen = await stranger.plays();
    assert.ok(seen.frames > 0 && seen.at_s > 0);
    assert.equal(await stranger.page.locator(active_clip).getAttribute('data-video-id'), found.id);

    // Liking needs an account; the prompt says so, and leads there and back.
    await stranger.page.locator(active_clip).getByTestId('like').click();
    await stranger.page.getByTestId('auth-prompt').waitFor();
    await stranger.screenshot('loop-prompt');
    await sign_up_in_page(stranger, 'night_heron');
    await stranger.page.goto(`/v/${found.id}`);
    await stranger.plays();
    const clip = stranger.page.locator(active_clip);
    await clip.getByTestId('like').click();
    await until('the heart', async () => (await clip.getByTestId('like').getAttribute('aria-pressed')) === 'true');
    await until('the like to count', async () => (await client.get(`/v1/videos/${found.id}`)).counts.likes === 1);

    await clip.getByTestId('comment').click();
    const sheet = stranger.page.getByTestId('comments-sheet');
    await sheet.getByTestId('comment-input').fill('They never settle. 好看!');
    await sheet.getByTestId('comment-submit').click();
    await until('the comment to count', async () => (await client.get(`/v1/videos/${found.id}`)).counts.comments === 1);
    await sheet.getByTestId('comment-row').getByText('They never settle. 好看!').waitFor();
    await stranger.screenshot('loop-comment');

    // The maker answers.
    await page.reload();
    await maker.plays();
    await page.locator(active_clip).getByTestId('comment').click();
    const talk = page.getByTestId('comments-sheet');
    await talk.getByTestId('comment-row').first().getByRole('button', { name: 'Reply' }).click();
    await talk.getByTestId('comment-input').fill('Nor do I.');
    await talk.getByTestId('comment-submit').click();
    const replies = await until('the reply', async () => {
      const [comment] = (await client.get(`/v1/videos/${found.id}/comments`)).items;
      return comment.reply_count === 1 && (await client.get(`/v1/comments/${comment.id}/replies`)).items;
    });
    assert.equal(replies[0].text, 'Nor do I.');
    assert.equal(replies[0].author.handle, 'paper_lantern');
    await talk.getByText('Nor do I.').waitFor();
    await maker.screenshot('loop-reply');

    // And the maker hears of it: the inbox has the like and the comment.
    await page.goto('/inbox');
    await page.getByText('night_heron').or(page.getByText('They never settle')).first().waitFor();
    await maker.screenshot('loop-inbox');
  },
  { within_ms: 180_000 },
);
