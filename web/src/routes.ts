/** The addresses of the app. Pages load when they are first opened. */
import type { Component } from 'svelte';
import { warm_up } from './stage/engine';

type Page = () => Promise<{ default: Component<any> }>;

export interface Route {
  /** `:name` takes one segment; the part before it is literal (`/@:handle`). */
  path: string;
  page: Page;
  /** A vertical feed: black, full bleed, no page frame. */
  stage?: boolean;
}

const stage: Page = () => {
  // Both are needed for the first picture; neither waits for the other.
  warm_up();
  return import('./pages/Stage.svelte');
};

export const routes: Route[] = [
  { path: '/', page: stage, stage: true },
  { path: '/following', page: stage, stage: true },
  { path: '/v/:id', page: stage, stage: true },
  { path: '/discover', page: () => import('./pages/Discover.svelte') },
  { path: '/search', page: () => import('./pages/Search.svelte') },
  { path: '/t/:tag', page: () => import('./pages/Hashtag.svelte') },
  { path: '/s/:id', page: () => import('./pages/Sound.svelte') },
  { path: '/@:handle', page: () => import('./pages/Profile.svelte') },
  { path: '/me', page: () => import('./pages/Profile.svelte') },
  { path: '/upload', page: () => import('./pages/Upload.svelte') },
  { path: '/inbox', page: () => import('./pages/Inbox.svelte') },
  { path: '/settings', page: () => import('./pages/Settings.svelte') },
  { path: '/your-feed', page: () => import('./pages/YourFeed.svelte') },
  { path: '/history', page: () => import('./pages/History.svelte') },
  { path: '/studio', page: () => import('./pages/Studio.svelte') },
  { path: '/studio/ops', page: () => import('./pages/Ops.svelte') },
  { path: '/sign-in', page: () => import('./pages/SignIn.svelte') },
];
