/** Makes folders. */
import { existsSync, mkdirSync, statSync } from 'node:fs';
import { dirname } from 'node:path';

/**
 * Makes a folder and those above it that are missing, one at a time: Node's own way of doing it never
 * ends where the system says that there is no such folder above one that is there, as /proc does.
 * @throws the system's error (`fileProblem` puts it in words)
 */
export function makeFolder(path: string): void {
  const missing: string[] = [];
  for (let at = path; !existsSync(at) && dirname(at) !== at; at = dirname(at)) missing.push(at);
  for (const folder of missing.reverse()) {
    try {
      mkdirSync(folder);
    } catch (error) {
      // Somebody else was faster.
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') continue;
      throw error;
    }
  }
  // Says that a file is in its place.
  if (!statSync(path).isDirectory()) mkdirSync(path);
}
