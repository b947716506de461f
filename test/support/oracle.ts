/**
 * The definitions once more, in the most naive way: rows are objects, sets of time are arrays with a
 * place for every nanosecond, every search is a full scan. It shares nothing with the product but
 * the layout of a table, and is good for tiny tables that start at their base only.
 */
import { KINDS, PHASES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

export interface OracleEvent {
  readonly info: WorkerInfo;
  readonly id: string;
  readonly domain: number;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
  readonly stage: string;
  readonly kind: string;
  readonly phase: string;
  readonly start: number;
  readonly end: number;
  readonly peer: number;
  readonly listed: readonly number[];
  /** Both together, sorted; null: everybody. */
  readonly peers: readonly number[] | null;
  readonly tokens: number;
  readonly bytes: number;
}

export interface OracleReceive {
  readonly id: string;
  readonly events: readonly OracleEvent[];
  readonly start: number;
  readonly end: number;
  readonly cut: number;
  readonly last: OracleEvent | null;
  /** The send whose data came last. */
  readonly arrival: OracleEvent | null;
  /** `a2f_recv` or `f2a_recv`, whatever the sender called it; null: nobody sends to it. */
  readonly awaits: string | null;
}

export interface OracleWindow {
  readonly from: number;
  readonly to: number;
}

export function readRows(tables: readonly EventTable[], deployment: string): OracleEvent[] {
  const rows: OracleEvent[] = [];
  const base = tables[0]?.baseUnixNs ?? 0n;
  for (const table of tables) {
    const shift = Number(table.baseUnixNs - base);
    for (let i = 0; i < table.length; i++) {
      const info = table.workers[table.worker[i]!]!;
      if (info.deployment !== deployment) continue;
      const list = table.lists.peers;
      const listed =
        list === null ? [] : [...list.values.subarray(list.offsets[i]!, list.offsets[i + 1]!)];
      const peer = table.peer[i]!;
      const peers = [...new Set(peer >= 0 ? [peer, ...listed] : listed)].sort();
      rows.push({
        info,
        id: `${info.group}/${info.rank}`,
        domain: table.domain[i]!,
        step: table.step[i]!,
        layer: table.layer[i]!,
        microbatch: table.microbatch[i]!,
        stage: table.stageNames[table.stage[i]!]!,
        kind: KINDS[table.kind[i]!]!,
        phase: PHASES[table.phase[i]!]!,
        start: table.startNs[i]! + shift,
        end: table.startNs[i]! + table.durationNs[i]! + shift,
        peer,
        listed,
        peers: peers.length === 0 ? null : peers,
        tokens: table.measures.tokens?.[i] ?? -1,
        bytes: table.measures.bytes?.[i] ?? -1,
      });
    }
  }
  return rows.filter((e) => e.phase !== 'warmup' && e.phase !== 'capture');
}

function kindCode(e: OracleEvent): number {
  return KINDS.findIndex((kind) => kind === e.kind);
}

/** One of each identity: of copies that differ in kind, the one whose kind comes first. */
export function distinct(events: readonly OracleEvent[]): OracleEvent[] {
  const seen = new Set<string>();
  const byKind = [...events].sort((a, b) => kindCode(a) - kindCode(b));
  return byKind.filter((e) => {
    const identity = JSON.stringify([
      e.id,
      e.info.incarnation,
      e.domain,
      e.stage,
      e.step,
      e.layer,
      e.microbatch,
      e.peer,
      e.listed,
      e.start,
      e.end,
    ]);
    if (seen.has(identity)) return false;
    seen.add(identity);
    return true;
  });
}

export function overlaps(start: number, end: number, w: OracleWindow): boolean {
  return start === end ? start >= w.from && start <= w.to : start < w.to && end > w.from;
}

export function endsIn(start: number, end: number, w: OracleWindow): boolean {
  const firstInstant = end === w.from && start >= w.from;
  return end <= w.to && (end > w.from || firstInstant);
}

export function selectEvents(events: readonly OracleEvent[], w: OracleWindow): OracleEvent[] {
  const near = (e: OracleEvent, by: number): boolean =>
    events.some(
      (o) => o.domain === e.domain && o.step === e.step + by && overlaps(o.start, o.end, w),
    );
  return events.filter((e) =>
    e.step < 0
      ? overlaps(e.start, e.end, w)
      : near(e, 0) || (near(e, -1) && e.step > 0) || near(e, 1),
  );
}

export function sameKey(a: OracleEvent, b: OracleEvent): boolean {
  return (
    a.step >= 0 &&
    a.domain === b.domain &&
    a.step === b.step &&
    a.layer === b.layer &&
    a.microbatch === b.microbatch
  );
}

/** The stage and side of the sends that a receive awaits. */
function awaited(e: OracleEvent): { stage: string; role: string } | null {
  const a2f = { stage: 'a2f_send', role: 'attention' };
  const f2a = { stage: 'f2a_send', role: 'ffn' };
  if (e.stage === 'a2f_recv') return a2f;
  if (e.stage === 'f2a_recv') return f2a;
  if (e.info.role === 'ffn') return a2f;
  return e.info.role === 'attention' ? f2a : null;
}

export function logicalReceives(
  events: readonly OracleEvent[],
  stageOrder: readonly string[],
): OracleReceive[] {
  const receives = events.filter((e) => e.kind === 'receive');
  const together = (a: OracleEvent, b: OracleEvent): boolean =>
    a === b || (a.id === b.id && sameKey(a, b) && awaited(a)?.stage === awaited(b)?.stage);
  const groups: OracleEvent[][] = [];
  for (const e of receives) {
    if (groups.some((g) => g.includes(e))) continue;
    groups.push(receives.filter((o) => together(e, o)));
  }
  const found = groups.map((group) => {
    const start = Math.min(...group.map((e) => e.start));
    const end = Math.max(...group.map((e) => e.end));
    const sends = events.filter((s) => group.some((r) => matches(group, r, s)));
    const lastStart = Math.max(...sends.map((s) => s.start));
    const latest = sends.filter((s) => s.start === lastStart);
    latest.sort((a, b) => a.info.rank - b.info.rank);
    const cut = sends.length === 0 ? Number.NaN : Math.min(Math.max(lastStart, start), end);
    const came = (s: OracleEvent): number => (s.info.sendEnd === 'posted' ? s.start : s.end);
    const arrivals = [...sends].sort(
      (a, b) => came(b) - came(a) || b.start - a.start || a.info.rank - b.info.rank,
    );
    const last = latest[0] ?? null;
    const awaits = awaited(group[0]!)?.stage ?? null;
    return {
      id: group[0]!.id,
      events: group,
      start,
      end,
      cut,
      last,
      arrival: arrivals[0] ?? null,
      awaits,
    };
  });
  const link = (r: OracleReceive): string => {
    const all = r.events.some((e) => e.peers === null);
    const named = [...new Set(r.events.flatMap((e) => e.peers ?? []))];
    const stage = r.events
      .map((e) => e.stage)
      .sort((a, b) => stageOrder.indexOf(a) - stageOrder.indexOf(b))[0];
    return `${r.id} ${stage} ${all ? 'all' : named.length === 1 ? named[0] : 'several'}`;
  };
  return found.map((r) => {
    if (r.last !== null) return r;
    const seen = found.filter((o) => o.last !== null && link(o) === link(r));
    const smallest = Math.min(...seen.map((o) => o.end - o.cut));
    return { ...r, cut: seen.length === 0 ? r.end : Math.max(r.start, r.end - smallest) };
  });
}

function matches(group: readonly OracleEvent[], r: OracleEvent, s: OracleEvent): boolean {
  const want = awaited(r);
  if (want === null || s.kind === 'receive' || s.stage !== want.stage) return false;
  if (s.info.role !== want.role || !sameKey(r, s)) return false;
  if (s.peers !== null && !s.peers.includes(r.info.rank)) return false;
  return group.some((e) => e.peers === null || e.peers.includes(s.info.rank));
}

/** Where a send's transfer starts: later than the send only for a rendezvous with a late receiver. */
export function transferStart(e: OracleEvent, receives: readonly OracleReceive[]): number {
  if (e.kind !== 'transfer' || e.info.sendMode !== 'rendezvous') return e.start;
  const ready = receives
    .filter((r) => r.events.some((part) => matches(r.events, part, e)))
    .map((r) => r.start);
  if (ready.length === 0) return e.start;
  return Math.min(e.end, Math.max(e.start, Math.min(...ready)));
}

/** One entry a nanosecond. */
export type Slots = boolean[];

export function slotsOf(pairs: readonly (readonly [number, number])[], length: number): Slots {
  const slots = new Array<boolean>(length).fill(false);
  for (const [start, end] of pairs) for (let t = start; t < end; t++) slots[t] = true;
  return slots;
}

export interface WorkerSlots {
  readonly compute: Slots;
  readonly transfer: Slots;
  readonly wait: Slots;
  readonly copy: Slots;
  readonly host: Slots;
  readonly communication: Slots;
  readonly receive: Slots;
  readonly observed: Slots;
  readonly active: Slots;
}

export function workerSlots(
  events: readonly OracleEvent[],
  receives: readonly OracleReceive[],
  id: string,
): WorkerSlots {
  const length = Math.max(0, ...events.map((e) => e.end)) + 1;
  const own = events.filter((e) => e.id === id);
  const ownReceives = receives.filter((r) => r.id === id);
  const pairs = (kind: string) =>
    own.filter((e) => e.kind === kind).map((e) => [e.start, e.end] as const);
  const sends = own.filter((e) => e.kind === 'transfer');
  const extent = (domain: number, step: number) => {
    const all = events.filter((e) => e.domain === domain && e.step === step);
    return [Math.min(...all.map((e) => e.start)), Math.max(...all.map((e) => e.end))] as const;
  };
  const withStep = own.filter((e) => e.step >= 0);
  const observed: (readonly [number, number])[] = [];
  const inFlight: (readonly [number, number])[] = [];
  for (const e of own) {
    if (e.step < 0) {
      observed.push([e.start, e.end]);
      continue;
    }
    const mine = extent(e.domain, e.step);
    observed.push(mine);
    if (withStep.some((o) => o.domain === e.domain && o.step === e.step + 1)) {
      observed.push([mine[1], extent(e.domain, e.step + 1)[0]]);
    }
    for (const o of events) {
      if (o.step >= 0 && o.domain === e.domain) inFlight.push(extent(o.domain, o.step));
    }
  }
  const observedSlots = slotsOf(observed, length);
  const flying = slotsOf(inFlight, length);
  return {
    compute: slotsOf(pairs('compute'), length),
    transfer: slotsOf(
      [
        ...sends.map((e) => [transferStart(e, receives), e.end] as const),
        ...ownReceives.map((r) => [r.cut, r.end] as const),
      ],
      length,
    ),
    wait: slotsOf(
      [
        ...pairs('wait'),
        ...sends.map((e) => [e.start, transferStart(e, receives)] as const),
        ...ownReceives.map((r) => [r.start, r.cut] as const),
      ],
      length,
    ),
    copy: slotsOf(pairs('copy'), length),
    host: slotsOf(pairs('host'), length),
    communication: slotsOf([...pairs('transfer'), ...pairs('receive')], length),
    receive: slotsOf(
      ownReceives.map((r) => [r.start, r.end] as const),
      length,
    ),
    observed: observedSlots,
    active: observedSlots.map((yes, t) => yes && flying[t]!),
  };
}

export function oracleActivity(slots: WorkerSlots, w: OracleWindow): Record<string, number> {
  const count = (test: (t: number) => boolean): number => {
    let ns = 0;
    for (let t = w.from; t < w.to; t++) if (test(t)) ns++;
    return ns;
  };
  const has = (set: Slots, t: number): boolean => set[t] === true;
  const bubble = (t: number): boolean => !has(slots.compute, t);
  return {
    windowNs: w.to - w.from,
    observedNs: count((t) => has(slots.observed, t)),
    activeNs: count((t) => has(slots.active, t)),
    computeNs: count((t) => has(slots.compute, t)),
    transferNs: count((t) => has(slots.transfer, t)),
    waitNs: count((t) => has(slots.wait, t)),
    copyNs: count((t) => has(slots.copy, t)),
    hostNs: count((t) => has(slots.host, t)),
    overlapNs: count((t) => has(slots.compute, t) && has(slots.transfer, t)),
    bubbleNs: count(bubble),
    activeBubbleNs: count((t) => bubble(t) && has(slots.active, t)),
    htaCommNs: count((t) => has(slots.communication, t)),
    htaOverlapNs: count((t) => has(slots.communication, t) && has(slots.compute, t)),
    exposedTransferNs: count((t) => bubble(t) && has(slots.transfer, t)),
    waitPeerNs: count((t) => bubble(t) && !has(slots.transfer, t) && has(slots.wait, t)),
    bubbleCopyNs: count(
      (t) => bubble(t) && !has(slots.transfer, t) && !has(slots.wait, t) && has(slots.copy, t),
    ),
    bubbleHostNs: count(
      (t) =>
        bubble(t) &&
        !has(slots.transfer, t) &&
        !has(slots.wait, t) &&
        !has(slots.copy, t) &&
        has(slots.host, t),
    ),
    unattributedNs: count(
      (t) =>
        bubble(t) &&
        !has(slots.transfer, t) &&
        !has(slots.wait, t) &&
        !has(slots.copy, t) &&
        !has(slots.host, t),
    ),
    unknownCauseNs: count((t) => bubble(t) && has(slots.receive, t)),
  };
}

/** numpy's default quantile. */
export function oracleQuantile(samples: readonly number[], q: number): number {
  const sorted = [...samples].sort((a, b) => a - b);
  const position = (sorted.length - 1) * q;
  const below = sorted[Math.floor(position)]!;
  const above = sorted[Math.ceil(position)]!;
  return below + (above - below) * (position - Math.floor(position));
}

export function oracleMedian(samples: readonly number[]): number | null {
  return samples.length === 0 ? null : oracleQuantile(samples, 0.5);
}

export function oracleQuantiles(samples: readonly number[]): Record<string, number> | null {
  if (samples.length === 0) return null;
  return {
    min: Math.min(...samples),
    p50: oracleQuantile(samples, 0.5),
    p90: oracleQuantile(samples, 0.9),
    p99: oracleQuantile(samples, 0.99),
    max: Math.max(...samples),
    mean: samples.reduce((a, b) => a + b, 0) / samples.length,
  };
}
