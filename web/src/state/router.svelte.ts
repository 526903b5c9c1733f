/** The address bar, as state. Links are ordinary `<a href>`; clicks on our own are taken over here. */
import { routes, type Route } from '$/routes';
import { match, type Params } from './match';

interface Place {
  path: string;
  query: URLSearchParams;
  route: Route | null;
  params: Params;
}

function place(url: URL): Place {
  for (const route of routes) {
    const params = match(route.path, url.pathname);
    if (params) return { path: url.pathname, query: url.searchParams, route, params };
  }
  return { path: url.pathname, query: url.searchParams, route: null, params: {} };
}

/** How long the place on a page that is come back to is looked for: its content may still be on its way. */
const reach_ms = 2500;
/** The person moves on their own. */
const moves = ['wheel', 'touchstart', 'keydown'] as const;

class Router {
  at = $state.raw<Place>(place(new URL(location.href)));
  /** Counts the steps within the app, so that "back" knows whether there is one. */
  #depth = 0;
  #scroll = new Map<string, number>();
  /** Ends the search for a place. */
  #settle = () => {};

  get path(): string {
    return this.at.path;
  }
  get query(): URLSearchParams {
    return this.at.query;
  }
  get params(): Params {
    return this.at.params;
  }

  start(): void {
    history.scrollRestoration = 'manual';
    addEventListener('popstate', () => {
      this.#keep_scroll();
      this.#depth = Math.max(0, this.#depth - 1);
      this.#arrive(true);
    });
    document.addEventListener('click', (event) => this.#click(event));
  }

  go(href: string, options: { replace?: boolean } = {}): void {
    const url = new URL(href, location.href);
    this.#keep_scroll();
    if (options.replace || url.href === location.href) history.replaceState(null, '', url);
    else {
      history.pushState(null, '', url);
      this.#depth++;
    }
    this.#arrive(false);
  }

  /** Changes the address without changing the page, as when a feed moves to its next clip. */
  mark(href: string): void {
    history.replaceState(null, '', href);
  }

  /** One step back within the app, or to `fallback` when the app was entered here. */
  back(fallback = '/'): void {
    if (this.#depth > 0) history.back();
    else this.go(fallback, { replace: true });
  }

  #keep_scroll(): void {
    this.#scroll.set(this.at.path + this.at.query.toString(), scrollY);
    if (this.#scroll.size > 50) this.#scroll.delete(this.#scroll.keys().next().value ?? '');
  }

  #arrive(restore: boolean): void {
    const before = this.at;
    this.at = place(new URL(location.href));
    if (before.path === this.at.path) return;
    const top = restore ? (this.#scroll.get(this.at.path + this.at.query.toString()) ?? 0) : 0;
    this.#reach(top);
  }

  /** Scrolls there, again and again while the page is still too short for it. */
  #reach(top: number): void {
    this.#settle();
    const until_ms = performance.now() + reach_ms;
    let frame = 0;
    const settle = () => {
      cancelAnimationFrame(frame);
      for (const move of moves) removeEventListener(move, settle);
    };
    const look = (now_ms: number) => {
      scrollTo(0, top);
      if (Math.abs(scrollY - top) < 2 || now_ms > until_ms) settle();
      else frame = requestAnimationFrame(look);
    };
    for (const move of moves) addEventListener(move, settle, { passive: true });
    frame = requestAnimationFrame(look);
    this.#settle = settle;
  }

  #click(event: MouseEvent): void {
    if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
    const link = (event.target as Element | null)?.closest?.('a');
    if (!link || link.target || link.hasAttribute('download') || link.origin !== location.origin) return;
    const known = routes.some((route) => match(route.path, link.pathname));
    if (!known) return;
    event.preventDefault();
    this.go(link.href);
  }
}

export const router = new Router();
