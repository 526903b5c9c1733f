/** Chromium at a phone's and a desktop's size. A page that complains on its console has failed. */
import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { chromium as playwright } from 'playwright-core';
import { chromium as executable, results } from './places.js';
import { patience, until } from './until.js';

export const phone = { name: 'phone', viewport: { width: 390, height: 844 }, hasTouch: true, isMobile: true, deviceScaleFactor: 1 };
export const desktop = { name: 'desktop', viewport: { width: 1440, height: 900 }, hasTouch: false, isMobile: false, deviceScaleFactor: 1 };

const action_within_ms = 15_000 * patience;

/** `autoplay`: let sound play without a tap, as in an installed app. */
export function launch({ autoplay = false } = {}) {
  const args = ['--disable-background-networking', '--disable-component-update'];
  if (process.getuid?.() === 0) args.push('--no-sandbox');
  if (autoplay) args.push('--autoplay-policy=no-user-gesture-required');
  return playwright.launch({ executablePath: executable, headless: true, args });
}

/** A browser window of its own: no cookies, nothing cached. */
export class Visitor {
  static async open(browser, server, size = phone, options = {}) {
    const { name, ...device } = size;
    const context = await browser.newContext({ ...device, baseURL: server.url, locale: 'en-US', ...options });
    context.setDefaultTimeout(action_within_ms);
    context.setDefaultNavigationTimeout(action_within_ms);
    const visitor = new Visitor(context, server, name);
    visitor.page = await context.newPage();
    visitor.#watch(visitor.page);
    return visitor;
  }

  constructor(context, server, size) {
    this.context = context;
    this.server = server;
    this.size = size;
    /** What the page complained about. */
    this.problems = [];
    /** Complaints that the test provokes: patterns. */
    this.expected = [];
  }

  #watch(page) {
    const note = (text) => this.problems.push(text);
    page.on('console', (message) => {
      if (message.type() === 'error') note(`console.error: ${message.text()} (${message.location().url})`);
    });
    page.on('pageerror', (error) => note(`uncaught: ${error.stack ?? error}`));
    page.on('response', (response) => {
      if (response.status() >= 500) note(`${response.status()} from ${response.request().method()} ${response.url()}`);
    });
    page.on('requestfailed', (request) => {
      const reason = request.failure()?.errorText ?? '';
      // What the page itself gives up (a segment no longer needed, a navigation) is no failure.
      if (request.url().startsWith(this.server.url) && reason !== 'net::ERR_ABORTED') {
        note(`${reason}: ${request.method()} ${request.url()}`);
      }
    });
  }

  /** Signs the window in as `client` without the sign-in page. */
  async as(client) {
    const url = this.server.url;
    await this.context.addCookies([...client.cookies].map(([name, value]) => ({ name, value, url, httpOnly: true, sameSite: 'Strict' })));
    return this;
  }

  /** The test provokes what matches `pattern`; anything else still fails it. */
  expect_problem(...patterns) {
    this.expected.push(...patterns);
  }

  unexpected() {
    return this.problems.filter((problem) => !this.expected.some((pattern) => pattern.test(problem)));
  }

  async screenshot(name) {
    mkdirSync(results, { recursive: true });
    await this.page.screenshot({ path: join(results, `${name}-${this.size}.png`), animations: 'disabled', timeout: 10_000 });
  }

  /** The video element in the middle of the window: what it shows, or null. */
  playing() {
    return this.page.evaluate(() => {
      const middle = (v) => {
        const box = v.getBoundingClientRect();
        const y = window.innerHeight / 2;
        return box.width > 0 && box.top <= y && box.bottom >= y && getComputedStyle(v).visibility !== 'hidden';
      };
      const videos = [...document.querySelectorAll('video')].filter(middle);
      const video = videos.find((v) => !v.paused && v.readyState >= 2) ?? videos[0];
      if (!video) return null;
      return {
        at_s: video.currentTime,
        duration_s: video.duration,
        paused: video.paused,
        muted: video.muted,
        frames: video.getVideoPlaybackQuality().totalVideoFrames,
        width: video.videoWidth,
        height: video.videoHeight,
        error: video.error?.message ?? null,
      };
    });
  }

  /** Waits until the clip in the middle decodes frames and its time goes on (a loop counts). */
  async plays(within_ms = 30_000) {
    let first = null;
    return until(
      'the clip to play',
      async () => {
        const now = await this.playing();
        if (!now || now.paused || now.frames === 0) return false;
        first ??= now;
        return now.frames > first.frames && now.at_s !== first.at_s && now.width > 0 && now;
      },
      { within_ms },
    );
  }

  async close() {
    await this.context.close();
  }
}

const needs_name = new Set(['button', 'link', 'textbox', 'searchbox', 'slider', 'switch', 'checkbox', 'radio', 'tab', 'combobox', 'dialog', 'menuitem', 'spinbutton']);

/** What a screen reader meets and cannot name: controls without a name, and pictures without a text or a mark that they need none. */
export async function nameless(visitor) {
  const session = await visitor.context.newCDPSession(visitor.page);
  try {
    const { nodes } = await session.send('Accessibility.getFullAXTree');
    return nodes
      .filter((node) => !node.ignored && (needs_name.has(node.role?.value) || node.role?.value === 'image') && !node.name?.value?.trim())
      .map((node) => `${node.role.value} ${JSON.stringify(node.properties?.map((p) => p.name) ?? [])} #${node.backendDOMNodeId}`);
  } finally {
    await session.detach();
  }
}

/** Pixels by which the page is wider than the window. */
export function overflow(visitor) {
  return visitor.page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
}
