/**
 * What had to end before an event could start, and slack, the slow way: every event looks at every
 * other one, as docs/definitions.md ("Critical path") says. Nothing of lib/analysis is used.
 */
import { type Assembled, Direction } from '#lib/model/assembled.ts';
import { KINDS, type Kind, STAGES } from '#lib/table/codes.ts';

type Class = 'work' | 'aside' | 'send' | 'receive' | 'wait';

export interface Thing {
  /** Event row, or `events.length` + receive row. */
  readonly node: number;
  readonly cls: Class;
  readonly worker: number;
  readonly role: string;
  readonly rank: number;
  readonly stage: string;
  readonly startNs: number;
  /** Of a rendezvous send, when its first receiver was there. */
  readonly beginNs: number;
  readonly endNs: number;
  readonly step: number;
  readonly domain: number;
  readonly layer: number;
  readonly microbatch: number;
  /** Ranks that it names; none: all of them. */
  readonly peers: readonly number[];
  readonly posted: boolean;
  readonly direction: number;
}

export interface Link {
  readonly from: Thing;
  readonly doneNs: number;
  readonly why: 'data' | 'worker' | 'link' | 'network' | 'posted' | 'blocked';
}

const SEND_STAGES = new Map([
  ['attention', 'a2f_send'],
  ['ffn', 'f2a_send'],
]);
const AWAITED = new Map<string, number>([
  ['attention', Direction.f2a],
  ['ffn', Direction.a2f],
]);

export function thingsOf({ events, endNs, receives, keys, ...rest }: Assembled): Thing[] {
  const things: Thing[] = [];
  const place = (worker: number) => {
    const { role, rank } = events.workers[worker]!;
    return { worker, role, rank };
  };
  for (let row = 0; row < events.length; row++) {
    const kind: Kind = KINDS[events.kind[row]!]!;
    const stage = STAGES[events.stage[row]!] ?? 'unknown';
    if (kind === 'receive') continue;
    const at = place(events.worker[row]!);
    const isSend = stage === SEND_STAGES.get(at.role);
    const list = events.lists.peers;
    const listed =
      list === null ? [] : [...list.values.slice(list.offsets[row]!, list.offsets[row + 1]!)];
    const named = [events.peer[row]!, ...listed];
    things.push({
      node: row,
      cls: isSend
        ? 'send'
        : kind === 'compute' || stage === 'collective'
          ? 'work'
          : kind === 'wait'
            ? 'wait'
            : 'aside',
      ...at,
      stage,
      startNs: events.startNs[row]!,
      beginNs: (rest.transferStartNs ?? events.startNs)[row]!,
      endNs: endNs[row]!,
      step: rest.stepOf[row]!,
      domain: events.domain[row]!,
      layer: events.layer[row]!,
      microbatch: events.microbatch[row]!,
      // Somebody who names everybody, next to others, means everybody.
      peers: listed.some((peer) => peer < 0) ? [] : named.filter((peer) => peer >= 0),
      posted: rest.sources[rest.source[row]!]!.sendEnd === 'posted',
      direction: at.role === 'ffn' ? Direction.f2a : Direction.a2f,
    });
  }
  for (let r = 0; r < receives.length; r++) {
    const key = receives.key[r]!;
    things.push({
      node: events.length + r,
      cls: 'receive',
      ...place(receives.worker[r]!),
      stage: STAGES[receives.stage[r]!] ?? 'unknown',
      startNs: receives.startNs[r]!,
      beginNs: receives.startNs[r]!,
      endNs: receives.endNs[r]!,
      step: key < 0 ? -1 : keys.step[key]!,
      domain: key < 0 ? -1 : rest.steps.domain[keys.step[key]!]!,
      layer: key < 0 ? -1 : keys.layer[key]!,
      microbatch: key < 0 ? -1 : keys.microbatch[key]!,
      peers: receives.peer[r]! >= 0 ? [receives.peer[r]!] : [],
      posted: false,
      direction: receives.direction[r]!,
    });
  }
  return things;
}

export class SlowDependencies {
  readonly #steps: Assembled['steps'];
  readonly #all: readonly Thing[];
  readonly #step: number;

  constructor(assembled: Assembled, all: readonly Thing[], step: number) {
    this.#steps = assembled.steps;
    this.#step = step;
    // Only what overlaps the step, and ends after its start, can hold anything up.
    this.#all = all.filter((thing) => this.#counts(thing.step));
  }

  of(thing: Thing): Link[] {
    if (thing.cls === 'receive') return this.#ofReceive(thing);
    return thing.cls === 'send' ? this.#ofSend(thing) : this.#ofWork(thing);
  }

  #counts(step: number): boolean {
    if (step < 0) return false;
    const { startNs, endNs } = this.#steps;
    return startNs[step]! < endNs[this.#step]! && endNs[step]! > startNs[this.#step]!;
  }

  /** The latest to end by then, after the step's start. */
  #latest(from: readonly Thing[], limitNs: number): Thing | undefined {
    return from
      .filter(({ endNs }) => endNs <= limitNs && endNs > this.#steps.startNs[this.#step]!)
      .reduce<Thing | undefined>(
        (a, b) => (a === undefined || b.endNs > a.endNs ? b : a),
        undefined,
      );
  }

  #onWorker(thing: Thing, ...classes: Class[]): Thing[] {
    return this.#all.filter((one) => one.worker === thing.worker && classes.includes(one.cls));
  }

  #lastWork(thing: Thing): Thing | undefined {
    const before = this.#onWorker(thing, 'work', 'aside').filter(
      (one) => one.node < thing.node && (one.cls === 'work' || one.step === thing.step),
    );
    return this.#latest(before, thing.startNs);
  }

  #ofWork(thing: Thing): Link[] {
    const found: Link[] = [];
    const hasLayer = thing.step >= 0 && thing.layer >= 0;
    if (hasLayer) found.push(...this.#data(thing));
    const work = this.#lastWork(thing);
    if (!hasLayer || (found.length === 0 && work?.step !== thing.step)) {
      const own = this.#onWorker(thing, 'receive').filter((one) => one.domain === thing.domain);
      const last = this.#latest(own, thing.startNs);
      if (last !== undefined) found.push({ from: last, doneNs: last.endNs, why: 'data' });
    }
    if (work !== undefined) found.push({ from: work, doneNs: work.endNs, why: 'worker' });
    const stepNs = this.#steps.startNs[this.#step]!;
    const readyNs = found.length > 0 ? Math.max(...found.map(({ doneNs }) => doneNs)) : stepNs;
    if (readyNs >= thing.startNs) return found;
    const idle = this.#onWorker(thing, 'send').filter(
      (one) => one.node < thing.node && one.startNs >= readyNs && one.beginNs < thing.startNs,
    );
    const send = this.#latest(idle, thing.startNs);
    if (send !== undefined) found.push({ from: send, doneNs: send.endNs, why: 'blocked' });
    return found;
  }

  /** Receives of the key, or on attention of the layer before; the sends where there is none. */
  #data(thing: Thing): Link[] {
    const layers =
      thing.role === 'attention' && thing.stage !== 'combine'
        ? [thing.layer, thing.layer - 1]
        : [thing.layer];
    const receive = this.#receive(thing, layers);
    if (receive !== undefined) return [{ from: receive, doneNs: receive.endNs, why: 'data' }];
    const direction = AWAITED.get(thing.role);
    if (direction === undefined) return [];
    for (const layer of layers) {
      if (layer < 0) continue;
      const sends = this.#sends({ ...thing, layer, peers: [], direction }, thing.startNs);
      if (sends.length > 0) return sends;
    }
    return [];
  }

  /** Of the layers' receives that ended by then, the one that was posted last. */
  #receive(thing: Thing, layers: readonly number[]): Thing | undefined {
    return this.#onWorker(thing, 'receive')
      .filter(
        (one) =>
          one.step === thing.step &&
          one.microbatch === thing.microbatch &&
          layers.includes(one.layer) &&
          one.startNs <= thing.startNs &&
          one.endNs <= thing.startNs,
      )
      .sort((a, b) => b.startNs - a.startNs || b.node - a.node)[0];
  }

  #sends(to: Thing, limitNs: number): Link[] {
    return this.#all
      .filter(
        (send) =>
          send.cls === 'send' &&
          send.direction === to.direction &&
          send.step === to.step &&
          send.layer === to.layer &&
          send.microbatch === to.microbatch &&
          (send.peers.length === 0 || send.peers.includes(to.rank)) &&
          (to.peers.length === 0 || to.peers.includes(send.rank)) &&
          send.beginNs < limitNs,
      )
      .map((from) => ({
        from,
        doneNs: from.posted ? limitNs : Math.min(from.endNs, limitNs),
        why: 'network',
      }));
  }

  #ofSend(thing: Thing): Link[] {
    const found: Link[] = this.#onWorker(thing, 'work', 'aside')
      .filter(
        (one) =>
          one.step === thing.step &&
          one.layer === thing.layer &&
          one.microbatch === thing.microbatch &&
          one.endNs <= thing.startNs &&
          one.endNs > this.#steps.startNs[this.#step]! &&
          !(one.role === 'attention' && one.stage === 'shared_expert'),
      )
      .map((from) => ({ from, doneNs: from.endNs, why: 'data' }));
    if (found.length === 0) {
      const layers = thing.role === 'attention' ? [thing.layer, thing.layer - 1] : [thing.layer];
      const receive = this.#receive(thing, thing.layer < 0 ? [thing.layer] : layers);
      const work = this.#lastWork(thing);
      if (receive !== undefined) found.push({ from: receive, doneNs: receive.endNs, why: 'data' });
      else if (work !== undefined) found.push({ from: work, doneNs: work.endNs, why: 'worker' });
    }
    const sends = this.#onWorker(thing, 'send').filter((one) => one.node < thing.node);
    const link = this.#latest(sends, thing.startNs);
    if (link !== undefined) found.push({ from: link, doneNs: link.endNs, why: 'link' });
    if (thing.beginNs > thing.startNs) {
      const there = this.#all.filter(
        (one) =>
          one.cls === 'receive' &&
          one.direction === thing.direction &&
          one.step === thing.step &&
          one.layer === thing.layer &&
          one.microbatch === thing.microbatch &&
          one.startNs === thing.beginNs,
      );
      for (const receive of there) found.push(...this.#posted(receive, thing.beginNs));
    }
    return found;
  }

  #ofReceive(thing: Thing): Link[] {
    const sends = thing.direction === Direction.none ? [] : this.#sends(thing, thing.endNs);
    const isLate = sends.every(({ doneNs }) => doneNs < thing.startNs);
    return isLate ? [...sends, ...this.#posted(thing, thing.endNs)] : sends;
  }

  #posted(receive: Thing, untilNs: number): Link[] {
    const events = this.#onWorker(receive, 'work', 'aside', 'send').filter(
      (one) => one.startNs <= receive.startNs && one.beginNs < untilNs,
    );
    const receives = this.#onWorker(receive, 'receive').filter((one) => one.node < receive.node);
    const last = this.#latest([...events, ...receives], receive.startNs);
    return last === undefined ? [] : [{ from: last, doneNs: last.endNs, why: 'posted' }];
  }
}
