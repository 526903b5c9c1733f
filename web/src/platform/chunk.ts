/** Code that loads on demand, and what is done when it does not come. */
import { api } from '$/api/client';

const kept_key = 'watershed.reloaded_ms';
/** A second failure this soon is not mended by loading the page once more. */
const again_after_ms = 60_000;

/**
 * Fails with the code `offline` when nobody answers. When the server is there and its file is not, the app was replaced
 * meanwhile, or the browser remembers a failure of before: both are mended by loading the page anew.
 */
export async function chunk<T>(load: () => Promise<T>): Promise<T> {
  try {
    return await load();
  } catch (error) {
    await api.status();
    reload_once();
    throw error;
  }
}

function reload_once(): void {
  try {
    const last_ms = Number(sessionStorage.getItem(kept_key));
    if (Date.now() - last_ms < again_after_ms) return;
    sessionStorage.setItem(kept_key, String(Date.now()));
    location.reload();
  } catch {
    // Without a memory it could go on for ever: the person may press "try again".
  }
}
