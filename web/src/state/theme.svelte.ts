import { stored } from '$/platform/stored';

export type Theme = 'system' | 'dark' | 'light';

class ThemeStore {
  theme = $state<Theme>('system');

  start(): void {
    const kept = stored.get('theme');
    this.#apply(kept === 'dark' || kept === 'light' ? kept : 'system');
  }

  choose(theme: Theme): void {
    stored.set('theme', theme);
    this.#apply(theme);
  }

  #apply(theme: Theme): void {
    this.theme = theme;
    if (theme === 'system') document.documentElement.removeAttribute('data-theme');
    else document.documentElement.setAttribute('data-theme', theme);
  }
}

export const theme = new ThemeStore();
