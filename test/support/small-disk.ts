/** A file system of a few megabytes, where this user may mount one. */
import { execFileSync } from 'node:child_process';
import { rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { scratchFolder } from './scratch-folder.ts';

export const CAN_MOUNT = canMount();

function canMount(): boolean {
  if (process.platform !== 'linux' || process.getuid?.() !== 0) return false;
  try {
    // Whether mounting is allowed at all shows only by trying.
    const probe = execFileSync('unshare', ['-m', 'mount', '-t', 'tmpfs', 'tmpfs', '/mnt'], {
      stdio: 'ignore',
    });
    return probe !== undefined;
  } catch {
    return false;
  }
}

export class SmallDisk {
  readonly path = scratchFolder();

  constructor(sizeBytes: number, options = '') {
    const flags = `size=${sizeBytes}${options === '' ? '' : `,${options}`}`;
    execFileSync('mount', ['-t', 'tmpfs', '-o', flags, 'tmpfs', this.path]);
    // Lazily: a reader that is still closing must not keep it.
    onTestFinished(() => {
      execFileSync('umount', ['-l', this.path]);
    });
  }

  /** Takes all that is left. */
  fill(): void {
    const ballast = join(this.path, 'ballast');
    for (let size = 1 << 20; size >= 1024; size /= 4) {
      const piece = Buffer.alloc(size);
      try {
        for (let i = 0; i < 1000; i++) writeFileSync(ballast, piece, { flag: 'a' });
      } catch {
        // Full for pieces of this size.
      }
    }
  }

  free(): void {
    rmSync(join(this.path, 'ballast'), { force: true });
  }
}
