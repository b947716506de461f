/** What is known of one event of the timeline, and what a wait waited for. */
import type { StepPath } from '#lib/api/critical-path.ts';
import type { TimelineEventColumns, TimelineTileHeader } from '#lib/api/timeline-tile.ts';
import type { CauseName } from '#lib/api/waits.ts';
import type { TimelineEvent, TimelineStepChoice } from './timeline-selection.ts';

export interface EventTile {
  readonly header: TimelineTileHeader;
  readonly columns: TimelineEventColumns;
}

/** What tells an event from all others: it has no number of its own. */
export type EventIdentity = Pick<
  TimelineEvent,
  'workerId' | 'stage' | 'kind' | 'startUnixNs' | 'durationNs'
>;

/** Clocks that were aligned anew move an event by less than this. */
const MOVED_NS = 2_000_000;

/** Index of the event among a tile's columns, of any kind where its own is ''; -1: it is not there. */
export function findEvent({ header, columns }: EventTile, event: EventIdentity): number {
  const row = header.rows.findIndex(({ workerId }) => workerId === event.workerId);
  const stage = header.stages.indexOf(event.stage);
  const kind = header.kinds.indexOf(event.kind);
  const startNs = Number(event.startUnixNs - BigInt(header.window.startUnixNs));
  let best = -1;
  let bestNs = MOVED_NS;
  for (let i = 0; i < columns.row.length; i++) {
    if (columns.row[i] !== row || columns.stage[i] !== stage) continue;
    if (event.kind !== '' && columns.kind[i] !== kind) continue;
    const awayNs =
      Math.abs(columns.startNs[i]! - startNs) + Math.abs(columns.durationNs[i]! - event.durationNs);
    if (awayNs < bestNs) [best, bestNs] = [i, awayNs];
  }
  return best;
}

/** The event at an index of a tile's columns. */
export function eventAt({ header, columns }: EventTile, index: number): TimelineEvent {
  return {
    workerId: header.rows[columns.row[index]!]!.workerId,
    stage: header.stages[columns.stage[index]!]!,
    kind: header.kinds[columns.kind[index]!]!,
    stream: header.streams[columns.stream[index]!]!,
    startUnixNs: BigInt(header.window.startUnixNs) + BigInt(Math.round(columns.startNs[index]!)),
    durationNs: columns.durationNs[index]!,
    layer: columns.layer[index]!,
    microbatch: columns.microbatch[index]!,
    step: columns.step[index]!,
    domain: columns.domain[index]!,
    peer: columns.peer[index]!,
    tokens: columns.tokens[index]!,
    bytes: columns.bytes[index]!,
  };
}

/** null: the event tells no amount, or took no time. */
export function perSecond(amount: number, durationNs: number): number | null {
  return amount > 0 && durationNs > 0 ? amount / (durationNs / 1e9) : null;
}

export interface WaitPart {
  readonly cause: CauseName;
  /** Whose fault; null: nobody's, or it is not known. */
  readonly culpritId: string | null;
  readonly ns: number;
  /** Of the wait. */
  readonly ratio: number;
}

export interface WaitAnswer {
  /** By cause and culprit, the longest first. */
  readonly parts: readonly WaitPart[];
  /** The part of the wait in which the worker computed: it cost nothing. */
  readonly hiddenNs: number;
}

/** What an event waited for: the bubbles of its worker that lie inside of it. */
export function waitParts({ header, columns }: EventTile, event: TimelineEvent): WaitAnswer {
  const row = header.rows.findIndex(({ workerId }) => workerId === event.workerId);
  const fromNs = Number(event.startUnixNs - BigInt(header.window.startUnixNs));
  const toNs = fromNs + event.durationNs;
  const sums = new Map<string, { cause: CauseName; culpritId: string | null; ns: number }>();
  let bubbleNs = 0;
  for (let i = 0; i < columns.bubbleRow.length; i++) {
    if (columns.bubbleRow[i] !== row) continue;
    const start = columns.bubbleStartNs[i]!;
    const ns = Math.min(toNs, start + columns.bubbleDurationNs[i]!) - Math.max(fromNs, start);
    if (ns <= 0) continue;
    bubbleNs += ns;
    const cause = header.causes[columns.bubbleCause[i]!] ?? 'unknownNs';
    const culpritId = header.rows[columns.bubbleCulprit[i]!]?.workerId ?? null;
    const key = `${cause} ${culpritId}`;
    const sum = sums.get(key) ?? { cause, culpritId, ns: 0 };
    sum.ns += ns;
    sums.set(key, sum);
  }
  const totalNs = event.durationNs;
  const parts = [...sums.values()]
    .sort((a, b) => b.ns - a.ns)
    .map((part) => ({ ...part, ratio: totalNs > 0 ? part.ns / totalNs : 0 }));
  return { parts, hiddenNs: Math.max(0, totalNs - bubbleNs) };
}

export interface StepPlace {
  /** From the step's start to the event's. */
  readonly offsetNs: number;
  readonly offsetRatio: number;
  /** The event's duration over the step's latency. */
  readonly lengthRatio: number;
}

/** Where in its step an event lies. */
export function stepPlace(
  event: EventIdentity,
  step: Pick<TimelineStepChoice, 'startUnixNs' | 'durationNs'>,
): StepPlace {
  const offsetNs = Number(event.startUnixNs - step.startUnixNs);
  const over = (ns: number) => (step.durationNs > 0 ? ns / step.durationNs : 0);
  return { offsetNs, offsetRatio: over(offsetNs), lengthRatio: over(event.durationNs) };
}

/**
 * How much later an event could have ended without its step ending later; null: the path does not
 * list it. Receives are whole there, so a part of one has the slack of the receive that holds it.
 */
export function slackOf(path: StepPath, event: TimelineEvent): number | null {
  const { events } = path;
  const worker = path.workers.findIndex(({ workerId }) => workerId === event.workerId);
  const stage = path.stages.indexOf(event.stage);
  const startNs = Number(event.startUnixNs - BigInt(path.startUnixNs));
  const middleNs = startNs + event.durationNs / 2;
  for (let i = 0; i < events.worker.length; i++) {
    if (events.worker[i] !== worker || events.stage[i] !== stage) continue;
    if (event.layer !== events.layer[i]) continue;
    if (event.microbatch !== events.microbatch[i]) continue;
    const from = events.startNs[i]!;
    if (middleNs >= from && middleNs <= from + events.durationNs[i]!) return events.slackNs[i]!;
  }
  return null;
}
