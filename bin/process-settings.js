/**
 * With what settings of Node and of the C library the processes of the product are started. They are
 * set before a process begins, by whoever starts it: the launcher, and the supervisor.
 */
import { setFlagsFromString } from 'node:v8';

/**
 * How the C library of Linux keeps freed memory (glibc; others ignore it). The threads of a collector
 * hand buffers to each other, and those of the web work on columns of many megabytes, so that what one
 * allocates another frees: with an arena for every thread most of the freed memory lies between pieces
 * in use and is never given back. With two arenas it is. Up to 64 MB at the top of an arena stay: to ask
 * the system for pages and to give them back all the time took a third of the ingest thread's time.
 */
const MEMORY_ENV = {
  MALLOC_ARENA_MAX: '2',
  MALLOC_MMAP_THRESHOLD_: '33554432',
  MALLOC_TRIM_THRESHOLD_: '67108864',
};

/** Threads collect garbage when a piece of work is done (lib/base/garbage-watch.ts). */
const EXPOSED_GC = '--expose-gc';

/**
 * The collector's heaps are small (10 to 30 MB a thread) and what passes through its threads outside of
 * them is much. By V8's own measure of when to collect, they are marked ten times a second, by helper
 * threads that took as much time as all else, and code that was not run for some of these is thrown away.
 * So a heap may become three times what was left in it, and compiled code stays.
 * docs/decisions/0024-when-v8-collects.md has the figures.
 */
const COLLECTOR_FLAGS = ['--heap-growing-percent=200', '--no-flush-bytecode'];

/**
 * V8's middle compiler makes code, once in a while, in which objects of one literal share the memory of
 * their numbers: the last one's are then in all of them, and a report is wrong
 * (docs/decisions/0025-numbers-that-objects-shared.md).
 */
const SOUND_FLAGS = ['--no-maglev'];

/** V8's flags come and go, and an unknown one keeps node from starting: only where they were tried. */
const TRIED_NODE_MAJOR = '24';

/** Flags of node for whatever computes figures, under a node of this version. */
export function soundArgs(nodeVersion = process.versions.node) {
  return isTried(nodeVersion) ? SOUND_FLAGS : [];
}

/**
 * The same for a process that has begun, and has no other thread yet: the launcher, which goes on as the
 * command, and entries that somebody may start by hand.
 */
export function compileSoundly() {
  for (const flag of soundArgs()) setFlagsFromString(flag);
}

/** Flags of node for the web. */
export function webArgs(nodeVersion = process.versions.node) {
  return [EXPOSED_GC, ...soundArgs(nodeVersion)];
}

/** Flags of node for the collector. */
export function collectorArgs(nodeVersion = process.versions.node) {
  return [...webArgs(nodeVersion), ...(isTried(nodeVersion) ? COLLECTOR_FLAGS : [])];
}

function isTried(nodeVersion) {
  return nodeVersion.split('.', 1)[0] === TRIED_NODE_MAJOR;
}

/** What the environment says itself stays. */
export function withMemoryEnv(env) {
  return { ...MEMORY_ENV, ...env };
}
