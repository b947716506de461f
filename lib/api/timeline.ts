/**
 * `GET /api/v1/deployments/{id}/timeline`: what the workers did, as events where they are few, else
 * as bins per worker and stage whose minimum and maximum hide nothing.
 *
 * The window of the answer is the asked one, widened to a grid of powers of two: questions about
 * nearly the same window get the same answer (and `ETag`), and a picture can be moved a little
 * without asking again. Parallel arrays have one entry an event, or a bin.
 */
import { z } from 'zod';

export const DEFAULT_TIMELINE_BINS = 512;
export const MAX_TIMELINE_BINS = 4096;

/** Events that overlap the window, by row, then start. */
export const timelineEventsSchema = z.object({
  /** Index into `rows`. */
  row: z.array(z.number()),
  /** Offset from the window's start: exact; negative where an event began before. */
  startNs: z.array(z.number()),
  durationNs: z.array(z.number()),
  /** Index into `stages`. */
  stage: z.array(z.number()),
  /** Index into `kinds`. */
  kind: z.array(z.number()),
  /** -1: the event belongs to the step. */
  layer: z.array(z.number()),
  /** -1: none. */
  microbatch: z.array(z.number()),
  /** -1: none. */
  step: z.array(z.number()),
  /** Rank in the other group; -1: all, or several. */
  peer: z.array(z.number()),
});

/** Bins with events only, by row, then stage, then bin. An event counts where it starts. */
export const timelineBinsSchema = z.object({
  /** Bin `i` is [window.startUnixNs + i * binNs, + binNs). */
  binNs: z.number(),
  /** In the window. */
  length: z.number(),
  row: z.array(z.number()),
  /** Index into `stages`. */
  stage: z.array(z.number()),
  bin: z.array(z.number()),
  count: z.array(z.number()),
  /** Sum, least and largest of the durations of the bin's events. */
  sumNs: z.array(z.number()),
  minNs: z.array(z.number()),
  maxNs: z.array(z.number()),
});

export const timelineSchema = z.object({
  deployment: z.string(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  rows: z.array(
    z.object({ workerId: z.string(), group: z.string(), role: z.string(), rank: z.number() }),
  ),
  /** Workers that were asked for, or are there, and have no row for want of room. */
  hiddenWorkers: z.number(),
  stages: z.array(z.string()),
  kinds: z.array(z.string()),
  /** `events`: stored events; `slices`: sums of 50 ms; `rollups`: sums of a second and more. */
  source: z.enum(['events', 'slices', 'rollups']),
  /** Length of the finest sums that the answer was made from; 0 from events. */
  resolutionNs: z.number(),
  /** Were clocks moved? Absent: no, times are as the senders gave them. */
  aligned: z.boolean().optional(),
  /** One of the two is null. */
  events: timelineEventsSchema.nullable(),
  bins: timelineBinsSchema.nullable(),
});
export type Timeline = z.infer<typeof timelineSchema>;
export type TimelineEvents = z.infer<typeof timelineEventsSchema>;
export type TimelineBins = z.infer<typeof timelineBinsSchema>;
