/** What led to what in the way of a micro-batch: order on a worker, and sends to receives. */
import type { TimelineFlow } from '#lib/api/timeline-flow.ts';
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { firstListed, listHas } from '#lib/model/peers.ts';
import { directionOf, sendStageOf } from '#lib/model/receives.ts';
import { ABSENT, Kind } from '#lib/table/codes.ts';

/** One part of an event of the key. */
export interface FlowPart {
  /** Row in the assembled events. */
  readonly row: number;
  readonly kind: number;
  readonly startNs: number;
  readonly endNs: number;
}

type Arrow = TimelineFlow['arrows'][number];

/** `parts`: by start; arrows name them by their places. Local ones first. */
export function flowArrows(assembled: Assembled, parts: readonly FlowPart[]): Arrow[] {
  return [...localArrows(assembled, parts), ...transferArrows(assembled, parts)];
}

/** From each part to the next one that starts on the same worker when it is over, or later. */
function localArrows({ events }: Assembled, parts: readonly FlowPart[]): Arrow[] {
  const byWorker = Map.groupBy([...parts.keys()], (i) => events.worker[parts[i]!.row]!);
  return [...byWorker.values()].flatMap((own) =>
    own.flatMap((from, at): Arrow[] => {
      const { endNs } = parts[from]!;
      const next = own.slice(at + 1).find((to) => parts[to]!.startNs >= endNs);
      return next === undefined ? [] : [{ from, to: next, kind: 'local' }];
    }),
  );
}

/** From each send to every receive that awaits it (lib/model/receives.ts), where its data arrives. */
function transferArrows({ events, keyOf }: Assembled, parts: readonly FlowPart[]): Arrow[] {
  const arrows: Arrow[] = [];
  const { peers } = events.lists;
  const sends = lastPartOfRow(parts, (row) => isSend(row));
  const receives = lastPartOfRow(parts, (row) => events.kind[row] === Kind.receive);
  for (const [receive, to] of receives) {
    const receiver = events.workers[events.worker[receive]!]!;
    const direction = directionOf(events.stage[receive]!, receiver.role);
    if (keyOf[receive]! < 0 || direction === Direction.none) continue;
    for (const [send, from] of sends) {
      const sender = events.workers[events.worker[send]!]!;
      const way = sender.role === 'ffn' ? Direction.f2a : Direction.a2f;
      if (way !== direction) continue;
      if (!names(send, receiver.rank) || !names(receive, sender.rank)) continue;
      arrows.push({ from, to, kind: direction === Direction.a2f ? 'a2f' : 'f2a' });
    }
  }
  return arrows.sort((a, b) => a.from - b.from || a.to - b.to);

  function isSend(row: number): boolean {
    const { role } = events.workers[events.worker[row]!]!;
    return events.stage[row] === sendStageOf(role) && events.kind[row] !== Kind.receive;
  }

  /** An event that names nobody means everybody. */
  function names(row: number, rank: number): boolean {
    const peer = events.peer[row]!;
    return firstListed(peer, peers, row) === ABSENT || listHas(peer, peers, row, rank);
  }
}

/** A receive's data arrive, and a send's go, in the last part of each. */
function lastPartOfRow(
  parts: readonly FlowPart[],
  takes: (row: number) => boolean,
): Map<number, number> {
  const found = new Map<number, number>();
  parts.forEach(({ row }, i) => {
    if (takes(row)) found.set(row, i);
  });
  return found;
}
