/** What was looked for lately, on this device alone. */
import { stored } from '$/platform/stored';

const key = 'searches';
const kept_max = 8;

function read(): string[] {
  try {
    const kept: unknown = JSON.parse(stored.get(key) ?? '[]');
    return Array.isArray(kept) ? kept.filter((word) => typeof word === 'string').slice(0, kept_max) : [];
  } catch {
    return [];
  }
}

class Recent {
  words = $state.raw<string[]>(read());

  add(word: string): void {
    this.words = [word, ...this.words.filter((other) => other !== word)].slice(0, kept_max);
    stored.set(key, JSON.stringify(this.words));
  }

  clear(): void {
    this.words = [];
    stored.remove(key);
  }
}

export const recent = new Recent();
