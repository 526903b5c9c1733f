/** The words for a field that the server refused: by its stable code, else the server's own sentence. */
import { ApiError } from '$/api/client';
import { i18n, t } from '$/i18n/i18n.svelte';

export function field_text(error: unknown, name: string): string | null {
  if (!(error instanceof ApiError)) return null;
  if (error.code === 'handle_taken' && name === 'handle') return t('error.handle_taken');
  if (error.code === 'too_young' && name === 'birth_year') return t('error.too_young');
  const field = error.field(name);
  if (!field) return null;
  const key = `field.${field.code}`;
  return i18n.has(key) ? t(key) : field.message;
}
