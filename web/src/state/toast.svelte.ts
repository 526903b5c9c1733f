/** Short words at the foot of the window. At most `shown_max` at once; the oldest gives way. */
import { ApiError } from '$/api/client';
import { i18n, t } from '$/i18n/i18n.svelte';

export interface Toast {
  id: number;
  text: string;
  kind: 'plain' | 'good' | 'bad';
  action?: { label: string; run: () => void };
}

const shown_max = 2;
const shown_ms = 3600;

class Toasts {
  items = $state<Toast[]>([]);
  /** What is said to those who do not see it. */
  newest = $derived(this.items.at(-1)?.text ?? '');
  #next = 1;

  show(text: string, options: { kind?: Toast['kind']; action?: Toast['action'] } = {}): void {
    const id = this.#next++;
    const same = this.items.filter((item) => item.text !== text);
    this.items = [...same, { id, text, kind: options.kind ?? 'plain', action: options.action }].slice(-shown_max);
    setTimeout(() => this.dismiss(id), options.action ? shown_ms * 1.6 : shown_ms);
  }

  /** What happened, then why, both in the person's words. */
  failed(error: unknown, what?: string): void {
    const why = error_text(error);
    this.show(what ? `${what} ${why}` : why, { kind: 'bad' });
  }

  dismiss(id: number): void {
    this.items = this.items.filter((item) => item.id !== id);
  }
}

/** The words for an error: by its stable code, else the server's own public sentence. */
export function error_text(error: unknown): string {
  if (error instanceof ApiError) {
    const key = `error.${error.code}`;
    if (i18n.has(key)) return t(key);
    if (error.problem?.detail) return error.problem.detail;
    if (error.status === 404) return t('error.not_found');
    if (error.status === 401) return t('error.sign_in_required');
  }
  return t('error.unknown');
}

export const toasts = new Toasts();
