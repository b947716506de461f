/** A table as objects, for tests that ask about single events. */
import { KINDS, STAGES, type StageName } from '#lib/table/codes.ts';
import type { EventTable, Measure } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';

export interface PlainEvent {
  readonly worker: string;
  readonly role: string;
  readonly rank: number;
  readonly workerDomain: number;
  readonly stage: StageName;
  readonly kind: string;
  readonly startNs: number;
  readonly endNs: number;
  readonly durationNs: number;
  readonly domain: number;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
  readonly peer: number;
  measure(name: Measure): number;
}

export function eventsOf(table: EventTable): PlainEvent[] {
  return Array.from({ length: table.length }, (_, i) => {
    const worker = table.workers[table.worker[i]!]!;
    return {
      worker: workerId(worker),
      role: worker.role,
      rank: worker.rank,
      workerDomain: worker.domain,
      stage: STAGES[table.stage[i]!]!,
      kind: KINDS[table.kind[i]!]!,
      startNs: table.startNs[i]!,
      endNs: table.startNs[i]! + table.durationNs[i]!,
      durationNs: table.durationNs[i]!,
      domain: table.domain[i]!,
      step: table.step[i]!,
      layer: table.layer[i]!,
      microbatch: table.microbatch[i]!,
      peer: table.peer[i]!,
      measure: (name) => table.measures[name]?.[i] ?? -1,
    };
  });
}

export function keyOf(event: PlainEvent): string {
  return `${event.domain}/${event.step}/${event.layer}/${event.microbatch}`;
}

/** Mean start-to-start of attention in consecutive layers, over layers [from, to). */
export function meanPeriodNs(events: readonly PlainEvent[], from: number, to: number): number {
  const startNs = new Map<string, number>();
  const name = (e: PlainEvent, layer: number) => `${e.worker} ${e.step} ${e.microbatch} ${layer}`;
  const attention = events.filter((event) => event.stage === 'attention');
  for (const event of attention) startNs.set(name(event, event.layer), event.startNs);
  let totalNs = 0;
  let count = 0;
  for (const event of attention) {
    if (event.layer < from || event.layer >= to) continue;
    const next = startNs.get(name(event, event.layer + 1));
    if (next === undefined) continue;
    totalNs += next - event.startNs;
    count++;
  }
  return totalNs / count;
}

/**
 * One minus compute over time, of one role, in the part of a step in which its worker computes
 * layers [from, to).
 */
export function steadyBubbleRatio(
  events: readonly PlainEvent[],
  role: string,
  from: number,
  to: number,
): number {
  let computeNs = 0;
  let windowNs = 0;
  const ofRole = events.filter((event) => event.role === role && event.kind === 'compute');
  const byStep = Map.groupBy(ofRole, (event) => `${event.worker} ${event.step}`);
  const first = role === 'attention' ? 'attention' : 'expert';
  for (const ofStep of byStep.values()) {
    const startOf = (layer: number) =>
      ofStep.find((e) => e.stage === first && e.layer === layer && e.microbatch === 0)!.startNs;
    const start = startOf(from);
    const end = startOf(to);
    windowNs += end - start;
    for (const event of ofStep) {
      computeNs += Math.max(0, Math.min(end, event.endNs) - Math.max(start, event.startNs));
    }
  }
  return 1 - computeNs / windowNs;
}
