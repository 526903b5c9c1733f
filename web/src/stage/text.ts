/** Captions and comments: plain text in which hashtags and handles are links. */
export type Part = { kind: 'text' | 'hashtag' | 'person'; text: string; href?: string };

const marked = /(?<![\p{L}\p{N}_&/])(#[\p{L}\p{N}_]+|@[a-z0-9_.]{2,30})/giu;

export function parts(text: string): Part[] {
  const found: Part[] = [];
  let from = 0;
  for (const hit of text.matchAll(marked)) {
    const at = hit.index;
    if (at > from) found.push({ kind: 'text', text: text.slice(from, at) });
    const word = hit[0];
    const name = word.slice(1);
    if (word.startsWith('#')) found.push({ kind: 'hashtag', text: word, href: `/t/${encodeURIComponent(name.toLowerCase())}` });
    else found.push({ kind: 'person', text: word, href: `/@${name}` });
    from = at + word.length;
  }
  if (from < text.length) found.push({ kind: 'text', text: text.slice(from) });
  return found;
}
