/** The way of one micro-batch through a layer: which arrows, and whose event a wait leads to. */
import type { TimelineFlow } from '#lib/api/timeline-flow.ts';
import type { CauseName } from '#lib/api/waits.ts';
import type { TimelineEvent } from './timeline-selection.ts';

type FlowEvent = TimelineFlow['events'][number];

export type FlowKey = Pick<TimelineEvent, 'domain' | 'step' | 'layer' | 'microbatch'>;

/** What the flow of an event is asked by; null: an event without a layer or micro-batch has none. */
export function flowKeyOf({ domain, step, layer, microbatch }: TimelineEvent): FlowKey | null {
  if (step < 0 || layer < 0 || microbatch < 0) return null;
  return { domain: Math.max(0, domain), step, layer, microbatch };
}

/** An event of a flow as the timeline chooses it; what a flow does not tell is none. */
export function eventOfFlow(flow: TimelineFlow, event: FlowEvent): TimelineEvent {
  const { workerId, stage, kind, startUnixNs, durationNs } = event;
  const { domain, step, layer, microbatch } = flow;
  return {
    ...{ workerId, stage, kind, durationNs, domain, step, layer, microbatch },
    stream: kind === 'compute' || kind === 'transfer' || kind === 'wait' ? kind : 'other',
    startUnixNs: BigInt(startUnixNs),
    peer: -1,
    tokens: -1,
    bytes: -1,
  };
}

/** First start to last end; null: there is no event. */
export function flowWindow(
  flow: TimelineFlow,
): { readonly startUnixNs: bigint; readonly endUnixNs: bigint } | null {
  const [first] = flow.events;
  if (first === undefined) return null;
  let startUnixNs = BigInt(first.startUnixNs);
  let endUnixNs = endOf(first);
  for (const event of flow.events) {
    const start = BigInt(event.startUnixNs);
    if (start < startUnixNs) startUnixNs = start;
    if (endOf(event) > endUnixNs) endUnixNs = endOf(event);
  }
  return { startUnixNs, endUnixNs };
}

/** Where a culprit's part of a wait can be seen; null: it has no event in this flow. */
export function culpritEvent(
  flow: TimelineFlow,
  culpritId: string,
  cause: CauseName,
): TimelineEvent | null {
  const own = flow.events.filter(({ workerId, kind }) => workerId === culpritId && kind !== 'wait');
  const stage = SEND_OF_CAUSE[cause];
  const wanted = own.filter((event) =>
    stage === undefined ? event.kind === 'compute' : event.stage === stage,
  );
  const [longest] = (wanted.length > 0 ? wanted : own).sort((a, b) => b.durationNs - a.durationNs);
  return longest === undefined ? null : eventOfFlow(flow, longest);
}

const SEND_OF_CAUSE: Partial<Record<CauseName, string>> = {
  a2fNetworkNs: 'a2f_send',
  f2aNetworkNs: 'f2a_send',
};

/** `attention 2 → a2f → expert …`: the stages of a flow in order, for those who hear it. */
export function flowText(flow: TimelineFlow): string {
  const workers = new Set(flow.events.map(({ workerId }) => workerId)).size;
  const transfers = flow.arrows.filter(({ kind }) => kind !== 'local').length;
  const window = flowWindow(flow);
  if (window === null) return 'No event of this micro-batch is there.';
  const plural = (count: number, word: string) => `${count} ${word}${count === 1 ? '' : 's'}`;
  return `${plural(flow.events.length, 'event')} of ${plural(workers, 'worker')}, ${plural(transfers, 'transfer')}`;
}

function endOf({ startUnixNs, durationNs }: FlowEvent): bigint {
  return BigInt(startUnixNs) + BigInt(Math.round(durationNs));
}
