/**
 * How the C library of Linux keeps freed memory (glibc; others ignore it). The threads of a collector
 * hand buffers to each other, and those of the web work on columns of many megabytes, so that what one
 * allocates another frees: with an arena for every
 * thread, and large buffers in them, most of the freed memory lies between pieces in use and is
 * never given back. With two arenas, and large buffers mapped on their own, it is.
 */
const MEMORY_ENV = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '131072',
  MALLOC_TRIM_THRESHOLD_: '1048576',
};

/** What the environment says itself stays. */
export function withMemoryEnv(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return { ...MEMORY_ENV, ...env };
}
