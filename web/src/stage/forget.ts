/** What this page holds of a person: none of it is for the next one. */
import { opened_from } from '$/state/playlist.svelte';
import { people } from '$/state/people.svelte';
import { stored } from '$/platform/stored';
import { clips } from './clips.svelte';
import { following, for_you, kept_key } from './feed.svelte';

/** Called when somebody else comes or this one goes, before the next page is drawn. */
export function forget_person(): void {
  people.clear();
  clips.clear();
  for_you.clear();
  following.clear();
  opened_from.clear();
  stored.remove(kept_key);
}
