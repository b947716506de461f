/**
 * Preloaded (`NODE_OPTIONS=--import=…`), also into worker threads: the wall clock is off by as many
 * milliseconds as the file named by TEST_CLOCK_FILE says, from the moment that it says so.
 */
import { readFileSync } from 'node:fs';

const realNow = Date.now;
const file = process.env.TEST_CLOCK_FILE ?? '';
let readAtMs = Number.NEGATIVE_INFINITY;
let offsetMs = 0;

Date.now = () => {
  const now = performance.now();
  if (now - readAtMs > 20) {
    readAtMs = now;
    try {
      offsetMs = Number(readFileSync(file, 'utf8'));
    } catch {
      // Not written yet: the clock is right.
    }
  }
  return realNow() + offsetMs;
};
