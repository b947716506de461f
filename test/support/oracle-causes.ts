/**
 * The causes of waiting once more, from the text of docs/definitions.md: every instant of a reply's way
 * is looked at alone, the instants are put in the order of charging, and an idle instant takes the
 * cause that stands as far before the receive's end as it does. Load and device are not told apart.
 */
import {
  type OracleEvent,
  type OracleReceive,
  type OracleWindow,
  oracleMedian,
  sameKey,
} from './oracle.ts';

export interface OracleCause {
  readonly cause: string;
  /** Worker id; null: nobody's. */
  readonly culprit: string | null;
}

/** In the order of charging, the most avoidable first; networks are mixed. */
const CHARGED = ['peerHost', 'excess', 'fanInExcess', 'fanIn', 'queue', 'network', 'compute'];

interface Part {
  readonly rank: string;
  readonly cause: string;
  readonly culprit: string | null;
}

const UNKNOWN: OracleCause = { cause: 'unknownNs', culprit: null };

export class OracleCauses {
  readonly #events: readonly OracleEvent[];
  readonly #receives: readonly OracleReceive[];

  /** Selected events, and the receives that are made of them. */
  constructor(events: readonly OracleEvent[], receives: readonly OracleReceive[]) {
    this.#events = events;
    this.#receives = receives;
  }

  /** What the worker waits for at every instant of the window; null where it does not. */
  ofWorker(id: string, w: OracleWindow): (OracleCause | null)[] {
    const own = this.#receives.filter((r) => r.id === id).sort(byEnd);
    const layouts = new Map<OracleReceive, OracleCause[] | null>();
    return Array.from({ length: w.to - w.from }, (_, i) => {
      const t = w.from + i;
      if (this.#during(id, t, (e) => e.kind === 'compute')) return null;
      const r = own.find((one) => one.start <= t && t < one.end);
      if (r === undefined) return null;
      if (!layouts.has(r)) layouts.set(r, this.#layout(r));
      const layout = layouts.get(r)!;
      if (layout === null) return UNKNOWN;
      return layout[r.end - 1 - t] ?? this.#before(r, t);
    });
  }

  #during(id: string, t: number, wanted: (e: OracleEvent) => boolean): boolean {
    return this.#events.some((e) => e.id === id && e.start <= t && t < e.end && wanted(e));
  }

  #works(id: string, t: number): boolean {
    return this.#during(id, t, isWork);
  }

  #sends(id: string, t: number): boolean {
    return this.#during(id, t, (e) => e.kind !== 'receive' && e.stage === sendOf(e));
  }

  #work(id: string, key: OracleEvent): OracleEvent[] {
    return this.#events.filter((e) => e.id === id && isWork(e) && sameKey(e, key));
  }

  #firstSend(id: string, key: OracleEvent): number {
    const own = this.#events.filter((e) => e.id === id && e.stage === sendOf(e) && sameKey(e, key));
    return Math.min(...own.map((e) => e.start));
  }

  /** When the worker's compute of the key, as far as its send needs it, begins and ends. */
  #serial(id: string, key: OracleEvent): [number, number] | null {
    const work = this.#work(id, key);
    if (work.length === 0) return null;
    const send = this.#firstSend(id, key);
    const begin = Math.min(...work.map((e) => e.start));
    const ends = work.map((e) => e.end).filter((end) => end <= send);
    return [begin, Math.max(begin, ends.length > 0 ? Math.max(...ends) : send)];
  }

  #excess(id: string, key: OracleEvent): number {
    const side = this.#events.find((e) => e.id === id)!.info.role;
    const ids = new Set(this.#events.filter((e) => e.info.role === side).map((e) => e.id));
    const times = [...ids]
      .filter((one) => this.#work(one, key).length > 0)
      .map((one) => computeLength(this.#work(one, key)));
    const own = computeLength(this.#work(id, key));
    return Math.max(0, own - Math.ceil(oracleMedian(times)!));
  }

  #receiveOf(id: string, key: OracleEvent, awaits: string): OracleReceive | undefined {
    return this.#receives.find(
      (r) => r.id === id && r.awaits === awaits && r.events.some((e) => sameKey(e, key)),
    );
  }

  #layersOfReceives(key: OracleEvent): number[] {
    return this.#receives
      .flatMap((r) => r.events)
      .filter((e) => e.step === key.step && e.domain === key.domain)
      .map((e) => e.layer);
  }

  #isFirst(key: OracleEvent): boolean {
    return key.layer === Math.min(...this.#layersOfReceives(key));
  }

  #stepStart(key: OracleEvent, step = key.step): number {
    const own = this.#events.filter((e) => e.step === step && e.domain === key.domain);
    return Math.min(...own.map((e) => e.start));
  }

  #stepEnd(key: OracleEvent, step: number): number {
    const own = this.#events.filter((e) => e.step === step && e.domain === key.domain);
    return Math.max(...own.map((e) => e.end));
  }

  /** An event of the key one layer down, if anybody has one. */
  #below(key: OracleEvent): OracleEvent | undefined {
    if (key.layer <= 0) return undefined;
    return this.#events.find((e) => sameKey({ ...key, layer: key.layer - 1 }, e));
  }

  /** Where the sender's way begins. */
  #begin(
    r: OracleReceive,
    send: OracleEvent,
  ): { own: OracleReceive | null; chain: number } | 'step' {
    if (r.awaits === 'f2a_send') {
      return { own: this.#receiveOf(send.id, send, 'a2f_send') ?? null, chain: 0 };
    }
    if (this.#isFirst(send)) return 'step';
    let chain = 0;
    for (let key = this.#below(send); key !== undefined; key = this.#below(key)) {
      const own = this.#receiveOf(send.id, key, 'f2a_send');
      const work = this.#work(send.id, key);
      if (own !== undefined) {
        const combines = work.filter((e) => e.stage === 'combine');
        return { own, chain: chain + total(combines.map((e) => e.end - e.start)) };
      }
      if (work.length === 0) continue;
      if (Number.isFinite(this.#firstSend(send.id, key))) break;
      chain += union(work).size;
    }
    return { own: null, chain: 0 };
  }

  /** The causes from the receive's end back; null: nothing is known. */
  #layout(r: OracleReceive): OracleCause[] | null {
    const send = r.arrival;
    if (send === null || send.start > r.end) return null;
    const f = send.id;
    const toAttention = r.awaits === 'f2a_send';
    const network = toAttention ? 'f2aNetworkNs' : 'a2fNetworkNs';
    const other = toAttention ? 'a2fNetworkNs' : 'f2aNetworkNs';
    const begin = this.#begin(r, send);
    const isEdge = toAttention
      ? send.layer === Math.max(...this.#layersOfReceives(send))
      : begin === 'step';
    const normal = (rank: string, cause: string): Part =>
      isEdge ? { rank, cause: 'fillDrainNs', culprit: null } : { rank, cause, culprit: f };
    const host: Part = { rank: 'peerHost', cause: 'peerHostNs', culprit: f };
    const net: Part = { rank: 'network', cause: network, culprit: f };
    const serial = this.#serial(f, send);
    const end = serial === null ? send.start : Math.min(serial[1], send.start);
    const start = serial === null ? send.start : Math.min(serial[0], end);
    const received = begin === 'step' ? null : begin.own;
    const ready = Math.min(
      start,
      begin === 'step' ? this.#stepStart(send) : (received?.end ?? start),
    );
    let chain = begin === 'step' ? 0 : begin.chain;
    const parts: Part[] = [];
    for (let u = send.start; u < r.end; u++) parts.push(net);
    for (let u = send.start - 1; u >= ready; u--) {
      const works = this.#works(f, u);
      if (serial === null) {
        parts.push({ rank: 'unknown', ...UNKNOWN });
      } else if (u >= end) {
        if (this.#sends(f, u)) parts.push(net);
        else parts.push(works ? normal('queue', 'peerQueueNs') : host);
      } else if (u >= start) {
        parts.push(works ? normal('compute', 'peerComputeNs') : host);
      } else if (begin === 'step') {
        const isHost = !works && this.#during(f, u, (e) => e.kind === 'host');
        parts.push(isHost ? host : { rank: 'fill', cause: 'fillDrainNs', culprit: null });
      } else if (!works) {
        parts.push(host);
      } else {
        parts.push(chain > 0 ? normal('compute', 'peerComputeNs') : normal('queue', 'peerQueueNs'));
        chain--;
      }
    }
    const computes = parts.flatMap((part, i) => (part.rank === 'compute' ? [i] : []));
    const excess = serial === null ? 0 : this.#excess(f, send);
    for (const i of computes.slice(0, excess)) {
      parts[i] = { rank: 'excess', cause: 'deviceExcessNs', culprit: f };
    }
    if (received !== null && received.arrival !== null) {
      parts.push(...this.#beyond(r, f, received, ready, other));
    }
    return inOrder(parts, network);
  }

  /** Between the waiter's own send and what the peer received. */
  #beyond(
    r: OracleReceive,
    peer: string,
    received: OracleReceive,
    ready: number,
    network: string,
  ): Part[] {
    const arrival = received.arrival!;
    const last = Math.min(arrival.start, ready);
    const culprit = arrival.id === r.id ? peer : arrival.id;
    const ownSend = this.#ownSend(r);
    const origin = ownSend === null ? last : Math.min(ownSend, ready);
    const serial = this.#serial(arrival.id, arrival);
    const parts: Part[] = [];
    for (let u = ready - 1; u >= origin; u--) {
      const isLast = u < last && arrival.id !== r.id;
      if (!isLast) {
        parts.push({ rank: 'network', cause: network, culprit });
        continue;
      }
      const end = serial === null ? u : Math.min(serial[1], last);
      const isExcess = serial !== null && u < end && u >= end - this.#excess(arrival.id, arrival);
      parts.push(
        isExcess
          ? { rank: 'fanInExcess', cause: 'deviceExcessNs', culprit }
          : { rank: 'fanIn', cause: 'fanInNs', culprit },
      );
    }
    return parts;
  }

  /** First start of the waiter's sends of what its peer received; null: it has none, or no work. */
  #ownSend(r: OracleReceive): number | null {
    const begin = this.#begin(r, r.arrival!);
    if (begin === 'step' || begin.own === null) return null;
    const key = begin.own.events[0]!;
    if (this.#work(r.id, key).length === 0 || !isSided(r.events[0]!)) return null;
    const first = this.#firstSend(r.id, key);
    return Number.isFinite(first) ? first : null;
  }

  /** An instant before the way of the reply begins. */
  #before(r: OracleReceive, t: number): OracleCause {
    const send = r.arrival!;
    const begin = this.#begin(r, send);
    if (begin === 'step') {
      const works = this.#works(send.id, t);
      if (!works && this.#during(send.id, t, (e) => e.kind === 'host')) {
        return { cause: 'peerHostNs', culprit: send.id };
      }
      const before = send.step - 1;
      const goesOn = this.#stepStart(send, before) <= t && t < this.#stepEnd(send, before);
      return goesOn ? { cause: 'fillDrainNs', culprit: null } : UNKNOWN;
    }
    if (begin.own === null || begin.own.arrival === null) return UNKNOWN;
    if (this.#ownSend(r) === null) {
      const works = this.#work(r.id, begin.own.events[0]!).length > 0 && isSided(r.events[0]!);
      return works ? { cause: 'fanInNs', culprit: begin.own.arrival.id } : UNKNOWN;
    }
    if (this.#sends(r.id, t)) {
      const cause = r.awaits === 'f2a_send' ? 'a2fNetworkNs' : 'f2aNetworkNs';
      return { cause, culprit: r.id };
    }
    if (this.#works(r.id, t)) return { cause: 'fanInNs', culprit: null };
    const isHost = this.#during(r.id, t, (e) => e.kind === 'host');
    if (isHost || !this.#isFirst(r.events[0]!)) return { cause: 'peerHostNs', culprit: r.id };
    return { cause: 'fillDrainNs', culprit: null };
  }
}

function byEnd(a: OracleReceive, b: OracleReceive): number {
  const key = (r: OracleReceive): number[] => {
    const e = r.events[0]!;
    return e.step < 0 ? [-1] : [0, e.domain, e.step, e.layer, e.microbatch];
  };
  const direction = (r: OracleReceive): number => ['a2f_send', 'f2a_send', null].indexOf(r.awaits);
  const x = [a.end, a.start, ...key(a), direction(a)];
  const y = [b.end, b.start, ...key(b), direction(b)];
  const at = x.findIndex((value, i) => value !== y[i]);
  return at < 0 ? 0 : x[at]! - y[at]!;
}

function isWork(e: OracleEvent): boolean {
  return e.kind === 'compute' || e.stage === 'collective';
}

function isSided(e: OracleEvent): boolean {
  return e.info.role === 'attention' || e.info.role === 'ffn';
}

/** The stage of a worker's sends. */
function sendOf(e: OracleEvent): string | null {
  if (e.info.role === 'attention') return 'a2f_send';
  return e.info.role === 'ffn' ? 'f2a_send' : null;
}

function union(events: readonly OracleEvent[]): Set<number> {
  const instants = new Set<number>();
  for (const e of events) for (let t = e.start; t < e.end; t++) instants.add(t);
  return instants;
}

function computeLength(work: readonly OracleEvent[]): number {
  return union(work.filter((e) => e.kind === 'compute')).size;
}

function total(values: readonly number[]): number {
  return values.reduce((a, b) => a + b, 0);
}

/** Bands one after the other; of the networks, the reply's own has its share of every stretch. */
function inOrder(parts: readonly Part[], ownNetwork: string): OracleCause[] {
  return [...CHARGED, 'fill', 'unknown'].flatMap((rank) => {
    const band = parts.filter((part) => part.rank === rank);
    if (rank !== 'network') return band;
    const own = band.filter((part) => part.cause === ownNetwork);
    const other = band.filter((part) => part.cause !== ownNetwork);
    return band.map((_, i) => {
      const before = Math.floor((i * own.length) / band.length);
      const after = Math.floor(((i + 1) * own.length) / band.length);
      return after > before ? own[before]! : other[i - before]!;
    });
  });
}
