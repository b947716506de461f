import { ABSENT } from '#lib/table/codes.ts';
import type { ListColumn } from '#lib/table/event-table.ts';

/**
 * The peer that an event names: the single one, or the only one of its list; SEVERAL for a list of
 * several; ABSENT where it names none and so means everybody.
 */
export function firstListed(peer: number, peers: ListColumn | null, row: number): number {
  if (peers === null) return peer;
  const from = peers.offsets[row]!;
  const count = peers.offsets[row + 1]! - from;
  if (count === 0) return peer;
  let only = peer;
  for (let i = from; i < from + count; i++) {
    const listed = peers.values[i]!;
    if (listed < 0) return ABSENT;
    if (only === ABSENT) only = listed;
    else if (only !== listed) only = SEVERAL;
  }
  return only;
}

/** An event, or a logical receive, that names more than one peer. */
export const SEVERAL = -2;

/** Does the event name this rank? False where it names nobody. */
export function listHas(
  peer: number,
  peers: ListColumn | null,
  row: number,
  rank: number,
): boolean {
  if (peer === rank) return true;
  if (peers === null) return false;
  for (let i = peers.offsets[row]!; i < peers.offsets[row + 1]!; i++) {
    if (peers.values[i] === rank) return true;
  }
  return false;
}
