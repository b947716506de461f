/** What of the timeline is chosen, filtered, laid over it. */
import type { TimelineFilter } from '#lib/api/timeline-client.ts';
import type { TimelineStream } from '#lib/api/timeline-tile.ts';
import type { CauseName } from '#lib/api/waits.ts';
import { endOf, type TimelineExtent } from './timeline-viewport.ts';

/** One event as a tile tells it; -1: none, as in the tile. */
export interface TimelineEvent {
  readonly workerId: string;
  readonly stage: string;
  /** After the cut of receives. */
  readonly kind: string;
  readonly stream: TimelineStream;
  readonly startUnixNs: bigint;
  readonly durationNs: number;
  readonly layer: number;
  readonly microbatch: number;
  readonly step: number;
  readonly domain: number;
  readonly peer: number;
  readonly tokens: number;
  readonly bytes: number;
}

/** A stage's sums in one bin of a row. */
export interface TimelineBin {
  readonly workerId: string;
  readonly stage: string;
  readonly stream: TimelineStream;
  readonly startUnixNs: bigint;
  readonly binNs: number;
  readonly count: number;
  readonly sumNs: number;
  readonly minNs: number;
  readonly maxNs: number;
}

/** Waiting with its cause. */
export interface TimelineBubble {
  readonly workerId: string;
  readonly startUnixNs: bigint;
  readonly durationNs: number;
  readonly cause: CauseName;
  /** null: nobody, or a worker that the picture does not hold. */
  readonly culpritId: string | null;
}

/** What lies under a point of the picture. */
export type TimelineTarget =
  | { readonly kind: 'event'; readonly event: TimelineEvent }
  | { readonly kind: 'bin'; readonly bin: TimelineBin }
  | { readonly kind: 'bubble'; readonly bubble: TimelineBubble };

export interface TimelineArea extends TimelineExtent {
  /** null: all rows. */
  readonly workers: readonly string[] | null;
}

export interface TimelineStepChoice {
  readonly domain: number;
  readonly step: number;
  readonly startUnixNs: bigint;
  readonly durationNs: number;
}

export type TimelineSelection =
  | TimelineTarget
  | { readonly kind: 'area'; readonly area: TimelineArea }
  | { readonly kind: 'step'; readonly step: TimelineStepChoice };

/** Which events are drawn; the rows are a matter of their layout. */
export type TimelineFilters = Omit<TimelineFilter, 'workers'>;

/** What can be laid over the rows, each by its key. */
export const TIMELINE_OVERLAYS = [
  { name: 'bubbles', key: 'u', short: 'Bubbles', label: 'Bubbles by cause', on: false },
  { name: 'path', key: 'p', short: 'Path', label: 'Critical path', on: false },
  { name: 'flow', key: 'e', short: 'Flow', label: 'Flow of the micro-batch', on: true },
  { name: 'clock', key: 'c', short: 'Clocks', label: 'Clock error', on: false },
  { name: 'marks', key: 'm', short: 'Marks', label: 'Missing, late, refused, changed', on: true },
  { name: 'notes', key: 'o', short: 'Notes', label: 'Annotations', on: true },
] as const;
export type OverlayName = (typeof TIMELINE_OVERLAYS)[number]['name'];
export type TimelineOverlays = Readonly<Record<OverlayName, boolean>>;

export const DEFAULT_OVERLAYS: TimelineOverlays = {
  bubbles: false,
  path: false,
  flow: true,
  clock: false,
  marks: true,
  notes: true,
};

/** The time that a selection covers. */
export function selectionExtent(selection: TimelineSelection): TimelineExtent {
  switch (selection.kind) {
    case 'area':
      return { fromUnixNs: selection.area.fromUnixNs, toUnixNs: selection.area.toUnixNs };
    case 'bin':
      return stretch(selection.bin.startUnixNs, selection.bin.binNs);
    case 'event':
      return stretch(selection.event.startUnixNs, selection.event.durationNs);
    case 'bubble':
      return stretch(selection.bubble.startUnixNs, selection.bubble.durationNs);
    case 'step':
      return stretch(selection.step.startUnixNs, selection.step.durationNs);
  }
}

function stretch(fromUnixNs: bigint, lengthNs: number): TimelineExtent {
  return { fromUnixNs, toUnixNs: endOf(fromUnixNs, lengthNs) };
}
