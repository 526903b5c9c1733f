/** Before a run: what the last one left. */
import { rmSync } from 'node:fs';
import { results } from './places.js';

rmSync(results, { recursive: true, force: true });
