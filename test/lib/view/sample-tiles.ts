/** Tiles as the server makes them, from events that a test says. */
import type { TimelineTile } from '#lib/api/timeline-client.ts';
import { TIMELINE_STREAMS, type TimelineTileHeader } from '#lib/api/timeline-tile.ts';
import { tileExtent } from '#lib/view/timeline-tiles.ts';

export interface SampleEvent {
  readonly row: number;
  readonly stream: number;
  readonly startNs: number;
  readonly durationNs: number;
  readonly stage: number;
  readonly layer?: number;
  readonly step?: number;
}

export const STAGES = ['attention', 'expert', 'a2f_send', 'a2f_recv', 'host'] as const;
const KIND_OF_STREAM = ['compute', 'transfer', 'wait', 'host'] as const;

export interface SampleTile {
  readonly level: number;
  readonly index: number;
  readonly rows: number;
  /** From the tile's start to that of the answer's window: at most 0. */
  readonly windowNs?: number;
}

function headerOf(tile: SampleTile, detail: 'events' | 'bins', binNs: number): TimelineTileHeader {
  const { fromUnixNs, toUnixNs } = tileExtent(tile);
  const start = fromUnixNs + BigInt(tile.windowNs ?? 0);
  return {
    schema: 'afdscope.timeline-tile/1',
    deployment: 'prod',
    window: {
      startUnixNs: String(start),
      endUnixNs: String(toUnixNs),
      durationNs: Number(toUnixNs - start),
    },
    detail,
    source: detail === 'events' ? 'events' : 'slices',
    resolutionNs: binNs,
    binNs,
    aligned: false,
    receivesCut: true,
    rows: Array.from({ length: tile.rows }, (_, rank) => ({
      workerId: `attention/${rank}`,
      group: 'attention',
      role: 'attention',
      rank,
      host: 'node-0',
      clockDomain: 'node-0',
      clockOffsetNs: 0,
      clockErrorNs: null,
      busyRatio: 0.5,
    })),
    hiddenWorkers: 0,
    stages: [...STAGES],
    kinds: [...KIND_OF_STREAM],
    streams: [...TIMELINE_STREAMS],
    causes: ['fanInNs', 'peerComputeNs'],
    marks: [],
    notes: [],
  };
}

export function eventTile(
  tile: SampleTile,
  events: readonly SampleEvent[],
): TimelineTile & { detail: 'events' } {
  const sorted = [...events].sort(
    (a, b) => a.row - b.row || a.stream - b.stream || a.startNs - b.startNs,
  );
  const none = sorted.map(() => -1);
  return {
    detail: 'events',
    header: headerOf(tile, 'events', 0),
    columns: {
      row: Uint16Array.from(sorted, ({ row }) => row),
      stream: Uint8Array.from(sorted, ({ stream }) => stream),
      startNs: Float64Array.from(sorted, ({ startNs }) => startNs),
      durationNs: Float64Array.from(sorted, ({ durationNs }) => durationNs),
      stage: Uint16Array.from(sorted, ({ stage }) => stage),
      kind: Uint8Array.from(sorted, ({ stream }) => stream),
      layer: Int32Array.from(sorted, ({ layer }) => layer ?? -1),
      microbatch: Int32Array.from(none),
      step: Float64Array.from(sorted, ({ step }) => step ?? -1),
      domain: Int32Array.from(sorted, () => 0),
      peer: Int32Array.from(none),
      tokens: Float64Array.from(none),
      bytes: Float64Array.from(none),
      bubbleRow: new Uint16Array(),
      bubbleStartNs: new Float64Array(),
      bubbleDurationNs: new Float64Array(),
      bubbleCause: new Uint8Array(),
      bubbleCulprit: new Int32Array(),
    },
  };
}

export interface SampleBin {
  readonly row: number;
  readonly stream: number;
  readonly stage: number;
  readonly bin: number;
  readonly count: number;
  readonly sumNs: number;
  readonly maxNs: number;
}

/** `bins` sorted by row, stream, stage, bin. */
export function binTile(
  tile: SampleTile,
  binNs: number,
  bins: readonly SampleBin[],
): TimelineTile & { detail: 'bins' } {
  return {
    detail: 'bins',
    header: headerOf(tile, 'bins', binNs),
    columns: {
      row: Uint16Array.from(bins, ({ row }) => row),
      stream: Uint8Array.from(bins, ({ stream }) => stream),
      stage: Uint16Array.from(bins, ({ stage }) => stage),
      bin: Uint32Array.from(bins, ({ bin }) => bin),
      count: Float64Array.from(bins, ({ count }) => count),
      sumNs: Float64Array.from(bins, ({ sumNs }) => sumNs),
      minNs: Float64Array.from(bins, () => 1),
      maxNs: Float64Array.from(bins, ({ maxNs }) => maxNs),
      waitRow: new Uint16Array(),
      waitBin: new Uint32Array(),
      waitCause: new Uint8Array(),
      waitNs: new Float64Array(),
    },
  };
}
