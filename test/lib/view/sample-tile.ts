/** Small tiles of the timeline, made of events that a test lists. */
import type { TimelineTile } from '#lib/api/timeline-client.ts';
import type { TimelineTileHeader } from '#lib/api/timeline-tile.ts';
import type { CauseName } from '#lib/api/waits.ts';
import type { TimelineBubble, TimelineEvent } from '#lib/view/timeline-selection.ts';
import type { TimelineExtent } from '#lib/view/timeline-viewport.ts';

export const BASE = 1_700_000_000_000_000_000n;

export function sampleEvent(
  change: Partial<TimelineEvent> & { readonly startNs?: number },
): TimelineEvent {
  const { startNs = 0, ...fields } = change;
  return {
    workerId: 'ffn/0',
    stage: 'expert',
    kind: 'compute',
    stream: 'compute',
    startUnixNs: BASE + BigInt(startNs),
    durationNs: 100,
    layer: 3,
    microbatch: 1,
    step: 7,
    domain: 0,
    peer: -1,
    tokens: -1,
    bytes: -1,
    ...fields,
  };
}

function headerOf(
  events: readonly TimelineEvent[],
  bubbles: readonly TimelineBubble[],
  window: TimelineExtent,
): TimelineTileHeader {
  const ids = [...events, ...bubbles].map(({ workerId }) => workerId);
  const culprits = bubbles.flatMap(({ culpritId }) => (culpritId === null ? [] : [culpritId]));
  return {
    schema: 'afdscope.timeline-tile/1',
    deployment: 'prod',
    window: {
      startUnixNs: String(window.fromUnixNs),
      endUnixNs: String(window.toUnixNs),
      durationNs: Number(window.toUnixNs - window.fromUnixNs),
    },
    detail: 'events',
    source: 'events',
    resolutionNs: 0,
    binNs: 0,
    aligned: true,
    receivesCut: true,
    rows: [...new Set([...ids, ...culprits])].map((workerId) => ({
      workerId,
      group: workerId.split('/')[0]!,
      role: workerId.split('/')[0]!,
      rank: Number(workerId.split('/')[1]),
      host: '',
      clockDomain: 'h',
      clockOffsetNs: 0,
      clockErrorNs: null,
      busyRatio: null,
    })),
    hiddenWorkers: 0,
    stages: [...new Set(events.map(({ stage }) => stage))],
    kinds: [...new Set(events.map(({ kind }) => kind))],
    streams: ['compute', 'transfer', 'wait', 'other'],
    causes: [...new Set<CauseName>(bubbles.map(({ cause }) => cause))],
    marks: [],
    notes: [],
  };
}

export type EventsTile = Extract<TimelineTile, { detail: 'events' }>;
export type BinsTile = Extract<TimelineTile, { detail: 'bins' }>;

export function eventsTile(
  events: readonly TimelineEvent[],
  bubbles: readonly TimelineBubble[] = [],
  window: TimelineExtent = { fromUnixNs: BASE, toUnixNs: BASE + 1_000_000n },
): EventsTile {
  const header = headerOf(events, bubbles, window);
  const rowOf = (id: string | null) => header.rows.findIndex(({ workerId }) => workerId === id);
  const from = window.fromUnixNs;
  return {
    detail: 'events',
    header,
    columns: {
      row: Uint16Array.from(events, ({ workerId }) => rowOf(workerId)),
      stream: Uint8Array.from(events, ({ stream }) => header.streams.indexOf(stream)),
      startNs: Float64Array.from(events, ({ startUnixNs }) => Number(startUnixNs - from)),
      durationNs: Float64Array.from(events, ({ durationNs }) => durationNs),
      stage: Uint16Array.from(events, ({ stage }) => header.stages.indexOf(stage)),
      kind: Uint8Array.from(events, ({ kind }) => header.kinds.indexOf(kind)),
      layer: Int32Array.from(events, ({ layer }) => layer),
      microbatch: Int32Array.from(events, ({ microbatch }) => microbatch),
      step: Float64Array.from(events, ({ step }) => step),
      domain: Int32Array.from(events, ({ domain }) => domain),
      peer: Int32Array.from(events, ({ peer }) => peer),
      tokens: Float64Array.from(events, ({ tokens }) => tokens),
      bytes: Float64Array.from(events, ({ bytes }) => bytes),
      bubbleRow: Uint16Array.from(bubbles, ({ workerId }) => rowOf(workerId)),
      bubbleStartNs: Float64Array.from(bubbles, ({ startUnixNs }) => Number(startUnixNs - from)),
      bubbleDurationNs: Float64Array.from(bubbles, ({ durationNs }) => durationNs),
      bubbleCause: Uint8Array.from(bubbles, ({ cause }) => header.causes.indexOf(cause)),
      bubbleCulprit: Int32Array.from(bubbles, ({ culpritId }) => rowOf(culpritId)),
    },
  };
}

/** The same events as sums of `binNs`, by the bin that they start in. */
export function binsTile(
  events: readonly TimelineEvent[],
  window: TimelineExtent,
  binNs: number,
): BinsTile {
  const header = headerOf(events, [], window);
  const bins = events.map(({ startUnixNs }) =>
    Math.floor(Number(startUnixNs - window.fromUnixNs) / binNs),
  );
  const durations = Float64Array.from(events, ({ durationNs }) => durationNs);
  return {
    detail: 'bins',
    header: { ...header, detail: 'bins', source: 'events', binNs, receivesCut: false },
    columns: {
      row: Uint16Array.from(events, ({ workerId }) =>
        header.rows.findIndex((row) => row.workerId === workerId),
      ),
      stream: Uint8Array.from(events, ({ stream }) => header.streams.indexOf(stream)),
      stage: Uint16Array.from(events, ({ stage }) => header.stages.indexOf(stage)),
      bin: Uint32Array.from(bins),
      count: new Float64Array(events.length).fill(1),
      sumNs: durations,
      minNs: durations,
      maxNs: durations,
      waitRow: new Uint16Array(),
      waitBin: new Uint32Array(),
      waitCause: new Uint8Array(),
      waitNs: new Float64Array(),
    },
  };
}
