/** Where things are. */
import { dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';

export const root = resolve(dirname(fileURLToPath(import.meta.url)), '../..');
/** What a run leaves to be looked at: screenshots and the seeded catalogue. Not under version control. */
export const results = process.env.WATERSHED_E2E_RESULTS ?? resolve(root, 'e2e/results');
export const binary = process.env.WATERSHED_BINARY ?? resolve(root, 'target/debug/watershed');
export const chromium = process.env.WATERSHED_CHROMIUM ?? '/usr/bin/chromium';
/** Real clips, odd and broken ones among them, beside the checkout. Absent on most machines. */
export const open_clips = resolve(root, '../shared/data/videos-open');
