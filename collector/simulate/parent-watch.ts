/**
 * Ends a child with its parent where there is no IPC channel to tell: its standard input ends, or
 * the system gives it another parent.
 */
import { fstatSync } from 'node:fs';

const POLL_MS = 500;

/** Calls `gone` once; returns how to stop watching. Keeps no process alive. */
export function watchParent(gone: () => void): () => void {
  let watching = true;
  const parent = process.ppid;
  const end = (): void => {
    if (!watching) return;
    stop();
    gone();
  };
  const timer = setInterval(() => {
    if (process.ppid !== parent) end();
  }, POLL_MS);
  timer.unref();
  const piped = isPipe(process.stdin.fd);
  if (piped) {
    process.stdin.on('end', end);
    process.stdin.on('error', end);
    process.stdin.resume();
  }
  const stop = (): void => {
    watching = false;
    clearInterval(timer);
    if (piped) process.stdin.pause();
  };
  return stop;
}

/** A terminal or /dev/null as standard input says nothing about the parent. */
function isPipe(fd: number): boolean {
  try {
    const stat = fstatSync(fd);
    return stat.isFIFO() || stat.isSocket();
  } catch {
    return false;
  }
}
