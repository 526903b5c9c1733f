export type Params = Record<string, string>;

/** The parameters if `path` fits `pattern`, else `null`. A trailing slash does not matter. */
export function match(pattern: string, path: string): Params | null {
  const wanted = pattern.split('/').filter(Boolean);
  const given = path.split('/').filter(Boolean);
  if (wanted.length !== given.length) return null;
  const params: Params = {};
  for (let i = 0; i < wanted.length; i++) {
    const part = wanted[i] ?? '';
    let value: string;
    try {
      value = decodeURIComponent(given[i] ?? '');
    } catch {
      return null;
    }
    const colon = part.indexOf(':');
    if (colon < 0) {
      if (part !== value) return null;
      continue;
    }
    const literal = part.slice(0, colon);
    if (!value.startsWith(literal) || value.length === literal.length) return null;
    params[part.slice(colon + 1)] = value.slice(literal.length);
  }
  return params;
}
