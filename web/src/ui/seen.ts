import type { Action } from 'svelte/action';

/** Calls back each time the element comes within a screen of being visible. */
export const seen: Action<HTMLElement, () => void> = (node, initial) => {
  let callback = initial;
  const observer = new IntersectionObserver(
    (entries) => {
      if (entries.some((entry) => entry.isIntersecting)) callback();
    },
    { rootMargin: '600px' },
  );
  observer.observe(node);
  return {
    update: (next) => (callback = next),
    destroy: () => observer.disconnect(),
  };
};
