/**
 * Every send with every receive of another clock that awaits it, as the definitions say, one object
 * an event: what `ClockTransfers` is compared with.
 */
import type { TransferColumns } from '#lib/model/clock-bounds.ts';
import { KINDS, PHASES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

interface Transfer {
  readonly from: string;
  readonly to: string;
  readonly sendStart: number;
  readonly sendEnd: number;
  readonly recvStart: number;
  readonly recvEnd: number;
  readonly arrival: boolean;
  readonly rendezvous: boolean;
}

interface Found {
  readonly info: WorkerInfo;
  readonly key: string;
  readonly start: number;
  readonly end: number;
  /** Ranks that it names; none: everybody. */
  readonly names: readonly number[];
}

export function everyTransfer(tables: readonly EventTable[], deployment: string): TransferColumns {
  const base = tables.map((table) => table.baseUnixNs).reduce((a, b) => (a < b ? a : b));
  const sends: Found[] = [];
  const receives: Found[] = [];
  for (const table of tables) {
    for (let row = 0; row < table.length; row++) {
      const info = table.workers[table.worker[row]!]!;
      const phase = PHASES[table.phase[row]!]!;
      if (info.deployment !== deployment || phase === 'warmup' || phase === 'capture') continue;
      if (table.step[row]! < 0) continue;
      const stage = table.stageNames[table.stage[row]!]!;
      const isReceive = KINDS[table.kind[row]!] === 'receive';
      const way = isReceive ? receiveWay(stage, info.role) : sendWay(stage, info.role);
      if (way === null) continue;
      const { domain, step, layer, microbatch } = table;
      const key = [way, domain[row], step[row], layer[row], microbatch[row]].join('/');
      const start = Number(table.baseUnixNs - base) + table.startNs[row]!;
      const list = table.lists.peers;
      const listed =
        list === null ? [] : [...list.values.slice(list.offsets[row], list.offsets[row + 1])];
      const names = table.peer[row]! >= 0 ? [table.peer[row]!, ...listed] : listed;
      (isReceive ? receives : sends).push({
        info,
        key,
        start,
        end: start + table.durationNs[row]!,
        names,
      });
    }
  }
  const logical = new Map<string, Found[]>();
  for (const receive of receives) {
    const { group, rank, clockDomain } = receive.info;
    const id = [group, rank, clockDomain, receive.key].join('|');
    logical.set(id, [...(logical.get(id) ?? []), receive]);
  }
  const found: Transfer[] = [];
  for (const parts of logical.values()) {
    const { info, key } = parts[0]!;
    for (const send of sends) {
      if (send.key !== key || send.info.clockDomain === info.clockDomain) continue;
      if (send.names.length > 0 && !send.names.includes(info.rank)) continue;
      const fromAll = parts.some(({ names }) => names.length === 0);
      const own = fromAll ? parts : parts.filter(({ names }) => names.includes(send.info.rank));
      if (own.length === 0) continue;
      found.push({
        from: send.info.clockDomain,
        to: info.clockDomain,
        sendStart: send.start,
        sendEnd: send.end,
        recvStart: Math.min(...own.map(({ start }) => start)),
        recvEnd: Math.max(...own.map(({ end }) => end)),
        arrival: send.info.sendEnd === 'arrival',
        rendezvous: send.info.sendMode === 'rendezvous',
      });
    }
  }
  const domains = [...new Set(found.flatMap(({ from, to }) => [from, to]))];
  return {
    length: found.length,
    baseUnixNs: base,
    domains,
    senderDomain: Int32Array.from(found, ({ from }) => domains.indexOf(from)),
    receiverDomain: Int32Array.from(found, ({ to }) => domains.indexOf(to)),
    sendStartNs: Float64Array.from(found, ({ sendStart }) => sendStart),
    sendEndNs: Float64Array.from(found, ({ sendEnd }) => sendEnd),
    recvStartNs: Float64Array.from(found, ({ recvStart }) => recvStart),
    recvEndNs: Float64Array.from(found, ({ recvEnd }) => recvEnd),
    endsAtArrival: Uint8Array.from(found, ({ arrival }) => Number(arrival)),
    rendezvous: Uint8Array.from(found, ({ rendezvous }) => Number(rendezvous)),
  };
}

function sendWay(stage: string, role: string): string | null {
  if (role === 'attention') return stage === 'a2f_send' ? 'a2f' : null;
  return role === 'ffn' && stage === 'f2a_send' ? 'f2a' : null;
}

function receiveWay(stage: string, role: string): string | null {
  if (stage === 'a2f_recv') return 'a2f';
  if (stage === 'f2a_recv') return 'f2a';
  if (role === 'ffn') return 'a2f';
  return role === 'attention' ? 'f2a' : null;
}
