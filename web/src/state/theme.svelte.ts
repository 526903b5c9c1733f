/** Dark unless the person chose otherwise: the app is mostly moving pictures. */
import { stored } from '$/platform/stored';

export type Theme = 'system' | 'dark' | 'light';

const ground = { dark: '#0b0c10', light: '#f5f6f8' };

class ThemeStore {
  theme = $state<Theme>('dark');
  #system = matchMedia('(prefers-color-scheme: light)');

  start(): void {
    const kept = stored.get('theme');
    this.#apply(kept === 'system' || kept === 'light' ? kept : 'dark');
    this.#system.addEventListener('change', () => this.#apply(this.theme));
  }

  choose(theme: Theme): void {
    stored.set('theme', theme);
    this.#apply(theme);
  }

  #apply(theme: Theme): void {
    this.theme = theme;
    const shown = theme === 'system' ? (this.#system.matches ? 'light' : 'dark') : theme;
    document.documentElement.dataset.theme = shown;
    document.querySelector('meta[name="theme-color"]')?.setAttribute('content', ground[shown]);
  }
}

export const theme = new ThemeStore();
