/** The language of the app, and texts, counts, dates in it. English is in the shell; others load when chosen. */
import type { Language } from '$/api/types';
import { stored } from '$/platform/stored';
import en, { type MessageKey, type Messages } from './en';
import { clock, short_count, time_ago } from './format';

const loaders: Record<Language, () => Promise<Messages>> = {
  en: async () => en,
  zh: async () => (await import('./zh')).default,
};

export const languages: { code: Language; name: string }[] = [
  { code: 'en', name: 'English' },
  { code: 'zh', name: '中文' },
];

function preferred(): Language {
  const kept = stored.get('language');
  if (kept === 'en' || kept === 'zh') return kept;
  return navigator.languages?.some((l) => l.toLowerCase().startsWith('zh')) &&
    navigator.language.toLowerCase().startsWith('zh')
    ? 'zh'
    : 'en';
}

type Params = Record<string, string | number>;

class I18n {
  language = $state<Language>('en');
  #messages = $state.raw<Messages>(en);

  /** Loads the preferred language; the app mounts after it. */
  async start(): Promise<void> {
    await this.#use(preferred());
  }

  /** Switches now and remembers. */
  async choose(language: Language): Promise<void> {
    stored.set('language', language);
    await this.#use(language);
  }

  async #use(language: Language): Promise<void> {
    this.#messages = await loaders[language]();
    this.language = language;
    document.documentElement.lang = language === 'zh' ? 'zh-Hans' : 'en';
  }

  has(key: string): key is MessageKey {
    return key in this.#messages;
  }

  text(key: MessageKey, params?: Params): string {
    const message = this.#messages[key];
    let text: string;
    if (typeof message === 'string') text = message;
    else text = Number(params?.n ?? params?.count) === 1 ? message.one : message.other;
    if (!params) return text;
    return text.replace(/\{(\w+)\}/g, (whole, name: string) => (name in params ? String(params[name]) : whole));
  }
}

export const i18n = new I18n();

/** The text of `key` in the current language. Reactive where it is read. */
export const t = (key: MessageKey, params?: Params): string => i18n.text(key, params);

/** `12.3K`, `1.2万`. */
export const count = (value: number): string => short_count(value, i18n.language);

/** A counted text: `t_count('count.views', 12345)` is "12.3K views". */
export const t_count = (key: MessageKey, value: number): string => i18n.text(key, { count: count(value), n: value });

/** "3d ago", "3天前", "now". */
export const ago = (at_ms: number): string => time_ago(at_ms, Date.now(), i18n.language) ?? i18n.text('time.now');

export const date = (at_ms: number): string =>
  new Intl.DateTimeFormat(i18n.language === 'zh' ? 'zh-CN' : 'en', { dateStyle: 'medium' }).format(at_ms);

export { clock };
