/** Small settings kept on the device. A browser that forbids storage only forgets; nothing fails. */
const prefix = 'watershed.';

export const stored = {
  get(key: string): string | null {
    try {
      return localStorage.getItem(prefix + key);
    } catch {
      return null;
    }
  },
  set(key: string, value: string): void {
    try {
      localStorage.setItem(prefix + key, value);
    } catch {
      // Full or forbidden: the setting lasts until the page closes.
    }
  },
  remove(key: string): void {
    try {
      localStorage.removeItem(prefix + key);
    } catch {
      // As above.
    }
  },
};
