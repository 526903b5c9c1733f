/** Registers the service worker once the page is calm, and tells it which of the app's files are already here. */
export function keep_shell(): void {
  if (!import.meta.env.PROD || !('serviceWorker' in navigator)) return;
  const register = async () => {
    try {
      await navigator.serviceWorker.register('/sw.js');
      const { active } = await navigator.serviceWorker.ready;
      const keep = performance
        .getEntriesByType('resource')
        .map((entry) => new URL(entry.name).pathname)
        .filter((path) => path.startsWith('/assets/'));
      active?.postMessage({ keep });
    } catch {
      // Private windows and odd browsers do without.
    }
  };
  const calm = () => setTimeout(() => void register(), 2500);
  if (document.readyState === 'complete') calm();
  else addEventListener('load', calm, { once: true });
}
