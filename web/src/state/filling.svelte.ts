/** The demo that fills an empty place, as long as it does. */
import { api } from '$/api/client';

const ask_every_ms = 1500;

class Filling {
  done = $state(0);
  total = $state(0);
  running = $derived(this.done < this.total);

  /** Asks until the place is filled. Returns the end of it. */
  follow(): () => void {
    let timer: ReturnType<typeof setTimeout> | undefined;
    let ended = false;
    const ask = async () => {
      if (navigator.onLine && document.visibilityState === 'visible') {
        try {
          const { demo } = await api.status();
          this.done = demo?.done ?? this.total;
          this.total = demo?.total ?? this.total;
        } catch {
          // The line is a courtesy; the pages themselves say what fails.
        }
        if (!this.running) return;
      }
      if (!ended) timer = setTimeout(() => void ask(), ask_every_ms);
    };
    void ask();
    return () => {
      ended = true;
      clearTimeout(timer);
    };
  }
}

export const filling = new Filling();
