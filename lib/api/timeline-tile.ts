/**
 * `GET /api/v1/deployments/{id}/timeline/tile?from&to&bins&workers&stages&layer&microbatch&peer`: what
 * a timeline draws, as a frame of columns (column-frame.ts) with `TimelineTileHeader` as its header.
 *
 *     detail "events"   one row an event, receives cut into `wait` and `transfer`; and one row a bubble
 *     detail "bins"     sums by row, stream, stage and bin, which hide no spike; waiting by cause
 *
 * The answer's window holds the asked one; bins and events may stick out of it. Tiles that lie side
 * by side are drawn clipped to what was asked, and fit.
 */
import { z } from 'zod';
import { causeNameSchema } from './waits.ts';

/** The bands of a worker's row, from the top. */
export const TIMELINE_STREAMS = ['compute', 'transfer', 'wait', 'other'] as const;
export type TimelineStream = (typeof TIMELINE_STREAMS)[number];

export const timelineRowSchema = z.object({
  workerId: z.string(),
  group: z.string(),
  role: z.string(),
  rank: z.number(),
  /** '' where not told. */
  host: z.string(),
  clockDomain: z.string(),
  /** Added to the worker's own times; 0 where clocks were not moved. */
  clockOffsetNs: z.number(),
  /** Half of what the clock could be off by; null: not known. */
  clockErrorNs: z.number().nullable(),
  /** Share of the answer's window with compute; null: not known. */
  busyRatio: z.number().nullable(),
});
export type TimelineRow = z.infer<typeof timelineRowSchema>;

/**
 * `late`, `rejected`, `duplicate`, `clamped`: events that were counted so, by the second in which they
 * took place as their senders tell it, or in which they came where that is not known; older than some
 * hours by the minute, then by the hour. `unobserved`: no event is there though the worker sent before
 * and after: lost, or sampled out. A mark may stick out of the tile, and then is in its neighbour too.
 */
export const timelineMarkSchema = z.object({
  kind: z.enum(['late', 'rejected', 'duplicate', 'clamped', 'unobserved']),
  /** Index into `rows`; -1: the deployment. */
  row: z.number(),
  fromUnixNs: z.string(),
  toUnixNs: z.string(),
  /** Events; 0 where it is not known how many. */
  events: z.number(),
  /** Of which reasons they are; absent with `unobserved`. */
  reasons: z.record(z.string(), z.number()).optional(),
  text: z.string(),
});
export type TimelineMark = z.infer<typeof timelineMarkSchema>;

export const timelineTileHeaderSchema = z.object({
  schema: z.literal('afdscope.timeline-tile/1'),
  deployment: z.string(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  detail: z.enum(['events', 'bins']),
  /** `events`: stored events; `slices`: sums of 50 ms; `rollups`: sums of a second and more. */
  source: z.enum(['events', 'slices', 'rollups']),
  /** Length of the finest sums that the answer was made from; 0 from events. */
  resolutionNs: z.number(),
  /** Width of a bin; 0 with events. Bin `i` is [window.startUnixNs + i * binNs, + binNs). */
  binNs: z.number(),
  /** Were clocks moved? */
  aligned: z.boolean(),
  /** Are receives cut into waiting and transfer? Sums of stages cannot be. */
  receivesCut: z.boolean(),
  rows: z.array(timelineRowSchema),
  /** Workers that were asked for, or are there, and have no row for want of room. */
  hiddenWorkers: z.number(),
  stages: z.array(z.string()),
  kinds: z.array(z.string()),
  streams: z.array(z.enum(TIMELINE_STREAMS)),
  causes: z.array(causeNameSchema),
  marks: z.array(timelineMarkSchema),
  /** Sentences on what is missing or coarser than asked; shown to the user. */
  notes: z.array(z.string()),
});
export type TimelineTileHeader = z.infer<typeof timelineTileHeaderSchema>;

/** Columns with `detail: "events"`; times count from the window's start and may be negative. */
export interface TimelineEventColumns {
  /** Index into `rows`; events are sorted by row, then stream, then start. */
  readonly row: Uint16Array;
  readonly stream: Uint8Array;
  readonly startNs: Float64Array;
  readonly durationNs: Float64Array;
  readonly stage: Uint16Array;
  /** Index into `kinds`, after the cut. */
  readonly kind: Uint8Array;
  /** -1: none, in this and the next five. */
  readonly layer: Int32Array;
  readonly microbatch: Int32Array;
  readonly step: Float64Array;
  readonly domain: Int32Array;
  readonly peer: Int32Array;
  readonly tokens: Float64Array;
  readonly bytes: Float64Array;
  /** Bubbles while a receive was open, by row, then start: disjoint, by cause. */
  readonly bubbleRow: Uint16Array;
  readonly bubbleStartNs: Float64Array;
  readonly bubbleDurationNs: Float64Array;
  /** Index into `causes`. */
  readonly bubbleCause: Uint8Array;
  /** Whose fault: index into `rows`; -1: nobody, or a worker without a row. */
  readonly bubbleCulprit: Int32Array;
}

/** Columns with `detail: "bins"`: bins with events only, by row, stream, stage, then bin. */
export interface TimelineBinColumns {
  readonly row: Uint16Array;
  readonly stream: Uint8Array;
  readonly stage: Uint16Array;
  readonly bin: Uint32Array;
  readonly count: Float64Array;
  /** Sum, least and largest of the durations of events that start in the bin. */
  readonly sumNs: Float64Array;
  readonly minNs: Float64Array;
  readonly maxNs: Float64Array;
  /** Waiting by cause, where it is known: by row, then bin. `waitNs` is at most `binNs`. */
  readonly waitRow: Uint16Array;
  readonly waitBin: Uint32Array;
  readonly waitCause: Uint8Array;
  readonly waitNs: Float64Array;
}
