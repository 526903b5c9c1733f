/** Sound on or off, remembered; and whether the browser forces silence until it is touched. */
import { stored } from '$/platform/stored';

class Sound {
  wanted = $state(stored.get('sound') !== 'off');
  /** The browser refused to start with sound. */
  forced = $state(false);

  get muted(): boolean {
    return !this.wanted || this.forced;
  }

  /** By a tap or a key of the person: what they ask for is allowed from here on. */
  toggle(): void {
    if (this.muted) {
      this.wanted = true;
      this.forced = false;
    } else {
      this.wanted = false;
    }
    stored.set('sound', this.wanted ? 'on' : 'off');
  }
}

export const sound = new Sound();
