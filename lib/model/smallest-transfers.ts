/**
 * Receives without a matching send. They are transfer for as long as the smallest matched one on
 * their link (receiver, stage, peer as given), at their end; the rest, or all of it where none is
 * known, is wait.
 */
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import type { ReceiveTable } from './assembled.ts';

/** Nanoseconds by `linkName`: the same names in every part of a window. */
export type SmallestTransfers = ReadonlyMap<string, number>;

type Receives = Pick<
  ReceiveTable,
  'length' | 'worker' | 'stage' | 'peer' | 'startNs' | 'endNs' | 'cutNs' | 'lastSend'
>;

/** `known`: those of a larger window, of which the table is a part. */
export function cutUnmatched(
  events: EventTable,
  receives: Receives,
  known: SmallestTransfers | null,
): void {
  const { length, peer, startNs, endNs, cutNs, lastSend } = receives;
  let unmatched = 0;
  for (let r = 0; r < length; r++) if (lastSend[r]! < 0) unmatched++;
  if (unmatched === 0) return;
  const own = known === null ? smallestByEnd(receives) : null;
  for (let r = 0; r < length; r++) {
    if (lastSend[r]! >= 0) continue;
    const transferNs =
      known === null
        ? own!.get(endOfLink(receives, r))?.get(peer[r]!)
        : known.get(linkName(events, receives, r));
    cutNs[r] = Math.max(startNs[r]!, endNs[r]! - (transferNs ?? 0));
  }
}

/** The smallest matched transfers of the table's links, and the links of unmatched receives. */
export function linkFacts(
  events: EventTable,
  receives: Receives,
): { readonly smallest: SmallestTransfers; readonly unmatched: readonly string[] } {
  const smallest = new Map<string, number>();
  const unmatched = new Set<string>();
  for (const [end, byPeer] of smallestByEnd(receives)) {
    const worker = Math.floor(end / STAGE_CODES);
    for (const [peer, ns] of byPeer) {
      smallest.set(nameOf(events, worker, end % STAGE_CODES, peer), ns);
    }
  }
  for (let r = 0; r < receives.length; r++) {
    if (receives.lastSend[r]! < 0) unmatched.add(linkName(events, receives, r));
  }
  return { smallest, unmatched: [...unmatched] };
}

function linkName(events: EventTable, { worker, stage, peer }: Receives, r: number): string {
  return nameOf(events, worker[r]!, stage[r]!, peer[r]!);
}

function nameOf(events: EventTable, worker: number, stage: number, peer: number): string {
  return JSON.stringify([workerId(events.workers[worker]!), events.stageNames[stage], peer]);
}

/** By receiver and stage, then peer. */
function smallestByEnd(receives: Receives): Map<number, Map<number, number>> {
  const smallestNs = new Map<number, Map<number, number>>();
  let lastEnd = -1;
  let byPeer = new Map<number, number>();
  for (let r = 0; r < receives.length; r++) {
    if (receives.lastSend[r]! < 0) continue;
    const end = endOfLink(receives, r);
    if (end !== lastEnd) {
      lastEnd = end;
      byPeer = smallestNs.get(end) ?? new Map<number, number>();
      smallestNs.set(end, byPeer);
    }
    const transferNs = receives.endNs[r]! - receives.cutNs[r]!;
    const known = byPeer.get(receives.peer[r]!);
    if (known === undefined || transferNs < known) byPeer.set(receives.peer[r]!, transferNs);
  }
  return smallestNs;
}

const STAGE_CODES = 65_536;

/** Worker and stage as one number. */
function endOfLink({ worker, stage }: Receives, r: number): number {
  return worker[r]! * STAGE_CODES + stage[r]!;
}
