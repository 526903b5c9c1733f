/** What lies in a data folder. */
import { readdirSync, readFileSync, statSync } from 'node:fs';
import { join, relative } from 'node:path';

/** Paths of all files below `folder`, relative to it, sorted. Files that go away while we look are left out. */
export function files_of(folder) {
  const found = [];
  const walk = (at) => {
    for (const entry of readdirSync(at, { withFileTypes: true })) {
      const path = join(at, entry.name);
      if (entry.isDirectory()) {
        try {
          walk(path);
        } catch (error) {
          if (error.code !== 'ENOENT') throw error;
        }
      } else {
        found.push(relative(folder, path));
      }
    }
  };
  walk(folder);
  return found.sort();
}

/** Files whose bytes contain `text` (ASCII, upper or lower case). */
export function files_with(folder, text) {
  const wanted = text.toLowerCase();
  return files_of(folder).filter((path) => {
    try {
      return readFileSync(join(folder, path), 'latin1').toLowerCase().includes(wanted);
    } catch (error) {
      if (error.code === 'ENOENT') return false;
      throw error;
    }
  });
}

export function bytes_of(folder) {
  return files_of(folder).reduce((sum, path) => sum + statSync(join(folder, path)).size, 0);
}
