/**
 * How the C library of Linux keeps freed memory (glibc; others ignore it). The threads of a collector
 * hand buffers to each other, and those of the web work on columns of many megabytes, so that what one
 * allocates another frees: with an arena for every thread most of the freed memory lies between pieces
 * in use and is never given back. With two arenas it is. Up to 64 MB at the top of an arena stay: to ask the system for pages and to give them back all
 * the time took a third of the ingest thread's time.
 */
const MEMORY_ENV = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '33554432',
  MALLOC_TRIM_THRESHOLD_: '67108864',
};

/** Threads collect garbage when a piece of work is done (lib/query/garbage-watch.ts). */
export const MEMORY_ARGS: readonly string[] = ['--expose-gc'];

/** What the environment says itself stays. */
export function withMemoryEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...MEMORY_ENV, ...env };
}
