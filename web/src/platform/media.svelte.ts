/** What the window is like: size class, motion, connection. */
import { MediaQuery } from 'svelte/reactivity';

const desktop = new MediaQuery('(min-width: 768px)', false);
const wide = new MediaQuery('(min-width: 1180px)', false);
const reduced = new MediaQuery('(prefers-reduced-motion: reduce)', false);

class Platform {
  online = $state(navigator.onLine);

  constructor() {
    addEventListener('online', () => (this.online = true));
    addEventListener('offline', () => (this.online = false));
  }

  /** Sidebar instead of the bottom bar. */
  get desktop(): boolean {
    return desktop.current;
  }
  /** Room for a panel beside the stage. */
  get wide(): boolean {
    return wide.current;
  }
  get reduced_motion(): boolean {
    return reduced.current;
  }
}

export const platform = new Platform();
