import type { Message } from './en';
import type en from './pages.en';

export default {
  'page.soon': '这里还没有内容。',
} satisfies Record<keyof typeof en, Message>;
