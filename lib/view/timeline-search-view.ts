/** What the search of the timeline found, and how one walks through it. */
import type { TimelineSearch } from '#lib/api/timeline-search.ts';
import type { TimelineEvent, TimelineSelection } from './timeline-selection.ts';
import {
  endOf,
  extentOf,
  type TimelineExtent,
  type TimelineViewport,
  viewAt,
} from './timeline-viewport.ts';

export type SearchHit = TimelineSearch['hits'][number];

/** The language of the search, told beside its box. */
export const SEARCH_HELP: readonly { readonly text: string; readonly meaning: string }[] = [
  { text: 'expert', meaning: 'a word: workers, stages, notes' },
  { text: 'step:120..130', meaning: 'a step, or from one to another' },
  { text: 'layer:5 mb:1', meaning: 'events for which both hold; also peer, domain, tokens' },
  { text: 'stage:a2f_*', meaning: 'a stage; also kind, group' },
  { text: 'worker:ffn/3', meaning: 'a worker' },
  { text: 'dur>1.5ms', meaning: 'longer; also <, >=, ns, us, s' },
  { text: '"new kernel"', meaning: 'these words together' },
];

/** The hit after, or before, the chosen one; round the ends. null: there is none. */
export function walkHit(current: number | null, by: 1 | -1, count: number): number | null {
  if (count === 0) return null;
  if (current === null || current >= count) return by === 1 ? 0 : count - 1;
  return (current + by + count) % count;
}

/** What a hit chooses on the timeline; null: it has no place in time. */
export function hitSelection(hit: SearchHit): TimelineSelection | null {
  if (hit.startUnixNs === null) return null;
  const startUnixNs = BigInt(hit.startUnixNs);
  const { durationNs } = hit;
  if (hit.kind === 'event' && hit.workerId !== null && hit.stage !== null) {
    return { kind: 'event', event: eventOfHit(hit, hit.workerId, hit.stage, startUnixNs) };
  }
  if (hit.kind === 'step' && hit.step !== null) {
    return {
      kind: 'step',
      step: { domain: hit.domain ?? 0, step: hit.step, startUnixNs, durationNs },
    };
  }
  const toUnixNs = endOf(startUnixNs, durationNs);
  if (hit.kind !== 'annotation') return null;
  return { kind: 'area', area: { fromUnixNs: startUnixNs, toUnixNs, workers: null } };
}

/** A search tells no kind: `''` stands for any, until the event's own tile tells it. */
function eventOfHit(
  hit: SearchHit,
  workerId: string,
  stage: string,
  startUnixNs: bigint,
): TimelineEvent {
  return {
    ...{ workerId, stage, startUnixNs, durationNs: hit.durationNs },
    kind: '',
    stream: streamOfStage(stage),
    layer: hit.layer ?? -1,
    microbatch: hit.microbatch ?? -1,
    step: hit.step ?? -1,
    domain: hit.domain ?? -1,
    peer: -1,
    tokens: -1,
    bytes: -1,
  };
}

function streamOfStage(stage: string): TimelineEvent['stream'] {
  if (stage.endsWith('_send') || stage === 'collective') return 'transfer';
  if (stage.endsWith('_recv')) return 'wait';
  return stage === 'copy' || stage === 'host' ? 'other' : 'compute';
}

/** What is searched, and the middle of the view: what is nearest to it is listed first. */
export interface SearchedTime extends TimelineExtent {
  readonly nearUnixNs: bigint;
}

/** How far back from the end of the view events are looked for, at least. */
const LEAST_SEARCH_NS = 60_000_000_000n;

/**
 * What is searched: the view, and the minute before its end. Where that is too much, the newest part
 * is taken, so the view's end belongs to it.
 */
export function searchWindow(view: TimelineViewport): SearchedTime {
  const { fromUnixNs, toUnixNs } = extentOf(view);
  const nearUnixNs = viewAt(view.fromUnixNs, view.spanNs / 2, view.spanNs).fromUnixNs;
  const before = toUnixNs - LEAST_SEARCH_NS;
  const from = before < fromUnixNs ? before : fromUnixNs;
  return { fromUnixNs: from < 0n ? 0n : from, toUnixNs, nearUnixNs };
}

/** Has the view left what was searched? */
export function isOutside(view: TimelineViewport, searched: TimelineSearch['window']): boolean {
  const { fromUnixNs, toUnixNs } = extentOf(view);
  return fromUnixNs >= BigInt(searched.endUnixNs) || toUnixNs <= BigInt(searched.startUnixNs);
}

/** `before`: of the middle of the view. */
export function searchSummary({ total, before, hits }: TimelineSearch): string {
  if (total === 0) return 'Nothing found';
  const counted = `${total.toLocaleString('en-US')} ${total === 1 ? 'hit' : 'hits'}`;
  const timed = total - hits.filter(({ startUnixNs }) => startUnixNs === null).length;
  const sides =
    before === null || timed === 0
      ? ''
      : `, ${before.toLocaleString('en-US')} before and ${(timed - before).toLocaleString('en-US')} after the middle of the view`;
  const which = before === null ? 'first' : 'nearest';
  return `${counted}${sides}${hits.length < total ? `; the ${which} ${hits.length} listed` : ''}`;
}
