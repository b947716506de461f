/** Every send of a simulation with every receive that its data ended up in, told by their keys. */

import type { TransferColumns } from '#lib/model/clock-bounds.ts';
import { ABSENT, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';

export function simulatedTransfers(table: EventTable): TransferColumns {
  const domains = [...new Set(table.workers.map(({ clockDomain }) => clockDomain))];
  const keyOf = (row: number, way: string): string =>
    [way, table.domain[row], table.step[row], table.layer[row], table.microbatch[row]].join('/');
  const sends = new Map<string, number[]>();
  for (let row = 0; row < table.length; row++) {
    const stage = table.stage[row]!;
    if (stage !== Stage.a2f_send && stage !== Stage.f2a_send) continue;
    const key = keyOf(row, stage === Stage.a2f_send ? 'a2f' : 'f2a');
    sends.set(key, [...(sends.get(key) ?? []), row]);
  }
  const rows: { send: number; receive: number }[] = [];
  for (let receive = 0; receive < table.length; receive++) {
    const stage = table.stage[receive]!;
    if (stage !== Stage.a2f_recv && stage !== Stage.f2a_recv) continue;
    const key = keyOf(receive, stage === Stage.a2f_recv ? 'a2f' : 'f2a');
    for (const send of sends.get(key) ?? []) {
      const names = (peer: number, row: number): boolean =>
        peer === ABSENT || peer === table.workers[table.worker[row]!]!.rank;
      if (names(table.peer[send]!, receive) && names(table.peer[receive]!, send)) {
        rows.push({ send, receive });
      }
    }
  }
  const domain = (row: number): number =>
    domains.indexOf(table.workers[table.worker[row]!]!.clockDomain);
  const end = (row: number): number => table.startNs[row]! + table.durationNs[row]!;
  return {
    length: rows.length,
    baseUnixNs: table.baseUnixNs,
    domains,
    senderDomain: Int32Array.from(rows, ({ send }) => domain(send)),
    receiverDomain: Int32Array.from(rows, ({ receive }) => domain(receive)),
    sendStartNs: Float64Array.from(rows, ({ send }) => table.startNs[send]!),
    sendEndNs: Float64Array.from(rows, ({ send }) => end(send)),
    recvStartNs: Float64Array.from(rows, ({ receive }) => table.startNs[receive]!),
    recvEndNs: Float64Array.from(rows, ({ receive }) => end(receive)),
    endsAtArrival: Uint8Array.from(rows, ({ send }) =>
      table.workers[table.worker[send]!]!.sendEnd === 'arrival' ? 1 : 0,
    ),
    rendezvous: null,
  };
}
