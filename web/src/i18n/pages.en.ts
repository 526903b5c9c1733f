import type { Message } from './en';

/** Texts of the pages other than the stage. */
export default {
  'page.soon': 'Nothing here yet.',
} satisfies Record<string, Message>;
