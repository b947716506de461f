/**
 * One sweep over a worker's events: how long was which combination of activities open?
 *
 *     compute   ████████······████      bit 0
 *     transfer  ····████████······      bit 1
 *     mask      1···3···2···0·1···      -> time[1], time[3], time[2], time[0]
 *
 * Every length of the activity report is a sum over masks, so its parts add up by construction.
 * Events come by start; an activity stays open until the last end of those that have started, which
 * is the union of them. Transfer parts of receives start later than the receive: they wait in a
 * short queue.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { Kind } from '#lib/table/codes.ts';
import type { WorkerPresence } from './observed.ts';

/** Bits of the masks. Transfers and waits are those of split receives too. */
export const Bit = {
  compute: 1,
  transfer: 2,
  wait: 4,
  copy: 8,
  host: 16,
  /** Whole communication events: transfers, and receives as they were sent, unsplit. */
  communication: 32,
  /** Logical receives, unsplit. */
  receive: 64,
  observed: 128,
  active: 256,
} as const;

export const MASKS = 512;

const COMPUTE = 0;
const TRANSFER = 1;
const WAIT = 2;
const COPY = 3;
const HOST = 4;
const COMMUNICATION = 5;
const RECEIVE = 6;
/** Activities that are unions of events; observed and active times are known as intervals. */
const UNIONS = 7;
const ALL_UNIONS = (1 << UNIONS) - 1;

/** Activity of a kind; receives count as a whole, their parts come with the logical receive. */
const ACTIVITY_OF_KIND = new Uint8Array(6);
ACTIVITY_OF_KIND[Kind.compute] = COMPUTE;
ACTIVITY_OF_KIND[Kind.transfer] = TRANSFER;
ACTIVITY_OF_KIND[Kind.wait] = WAIT;
ACTIVITY_OF_KIND[Kind.receive] = COMMUNICATION;
ACTIVITY_OF_KIND[Kind.copy] = COPY;
ACTIVITY_OF_KIND[Kind.host] = HOST;

export class ActivitySweep {
  readonly #assembled: Assembled;
  readonly #edgesNs: ArrayLike<number>;
  /** Before the first edge, every bucket, after the last: `MASKS` entries each. */
  readonly #time: Float64Array;
  /** Where the union of each activity ends, as far as its events have started. */
  readonly #reachedNs = new Float64Array(UNIONS);
  readonly #later = new LaterTransfers();
  #observedAt = 0;
  #activeAt = 0;
  #bucket = 0;

  /** Bucket b is `[edgesNs[b], edgesNs[b + 1])`; edges ascend, and there are at least two. */
  constructor(assembled: Assembled, edgesNs: ArrayLike<number>) {
    this.#assembled = assembled;
    this.#edgesNs = edgesNs;
    this.#time = new Float64Array((edgesNs.length + 1) * MASKS);
  }

  /** Time per bucket and mask, `MASKS` entries a bucket; valid until the next call. */
  of(worker: number, presence: WorkerPresence): Float64Array {
    const { events, endNs, offsets, receives, transferStartNs } = this.#assembled;
    const { startNs, kind } = events;
    const { startNs: receiveStartNs, endNs: receiveEndNs, cutNs } = receives;
    const time = this.#time.fill(0);
    const lastNs = this.#edgesNs[this.#edgesNs.length - 1]!;
    const reachedNs = this.#reachedNs.fill(Number.NEGATIVE_INFINITY);
    const later = this.#later;
    later.clear();
    this.#observedAt = 0;
    this.#activeAt = 0;
    this.#bucket = 0;
    let row = offsets[worker]!;
    const rows = offsets[worker + 1]!;
    let receive = receives.offsets[worker]!;
    const lastReceive = receives.offsets[worker + 1]!;
    let now = Number.NEGATIVE_INFINITY;
    let mask = 0;
    let at = 0;
    // At or before the first of the open activities' ends.
    let nextEndNs = Number.POSITIVE_INFINITY;
    // The first edge, later transfer, or end of presence to come.
    let nextTurnNs = Number.NEGATIVE_INFINITY;
    for (;;) {
      const rowNs = row < rows ? startNs[row]! : Number.POSITIVE_INFINITY;
      const receiveNs = receive < lastReceive ? receiveStartNs[receive]! : Number.POSITIVE_INFINITY;
      const upcomingNs = Math.min(receiveNs, rowNs);
      const untilNs = Math.min(upcomingNs, lastNs);
      while (now < untilNs) {
        const next = Math.min(untilNs, nextEndNs, nextTurnNs);
        if (next > now) {
          time[at + mask] = time[at + mask]! + (next - now);
          now = next;
        }
        if (nextEndNs <= now) {
          // An end that was put off by a later event is looked for anew.
          nextEndNs = Number.POSITIVE_INFINITY;
          for (let open = mask & ALL_UNIONS; open !== 0; open &= open - 1) {
            const activity = 31 - Math.clz32(open & -open);
            const end = reachedNs[activity]!;
            if (end <= now) mask &= ~(1 << activity);
            else if (end < nextEndNs) nextEndNs = end;
          }
        }
        if (nextTurnNs <= now) {
          while (later.nextNs <= now) {
            const end = later.take();
            if (end > reachedNs[TRANSFER]!) reachedNs[TRANSFER] = end;
            mask |= Bit.transfer;
            if (end < nextEndNs) nextEndNs = end;
          }
          mask = (mask & (Bit.observed - 1)) | this.#presenceAt(now, presence);
          nextTurnNs = Math.min(this.#nextTurn(now, presence), later.nextNs);
          at = this.#bucket * MASKS;
        }
      }
      if (upcomingNs >= lastNs) break;
      // Receives and transfers are split in two; the whole counts too.
      let whole = RECEIVE;
      let split = true;
      let begin = now;
      let end = 0;
      if (receiveNs <= rowNs) {
        begin = cutNs[receive]!;
        end = receiveEndNs[receive]!;
        receive++;
      } else {
        whole = ACTIVITY_OF_KIND[kind[row]!]!;
        split = whole === TRANSFER;
        if (split) {
          whole = COMMUNICATION;
          if (transferStartNs !== null) begin = transferStartNs[row]!;
        }
        end = endNs[row]!;
        row++;
      }
      if (end <= now) continue;
      if (end > reachedNs[whole]!) reachedNs[whole] = end;
      mask |= 1 << whole;
      if (split) {
        const part = begin > now ? WAIT : TRANSFER;
        const partEnd = begin > now ? begin : end;
        if (partEnd > reachedNs[part]!) reachedNs[part] = partEnd;
        mask |= 1 << part;
        if (partEnd < nextEndNs) nextEndNs = partEnd;
        if (begin > now && begin < end) {
          later.add(begin, end);
          if (begin < nextTurnNs) nextTurnNs = begin;
        }
      }
      if (end < nextEndNs) nextEndNs = end;
    }
    return time.subarray(MASKS, MASKS * this.#edgesNs.length);
  }

  /** Steps over the ends of presence that have come, and gives the bits of what is open. */
  #presenceAt(now: number, { observed, active }: WorkerPresence): number {
    let mask = 0;
    while (this.#observedAt < observed.length && observed[this.#observedAt]! <= now) {
      this.#observedAt++;
    }
    while (this.#activeAt < active.length && active[this.#activeAt]! <= now) this.#activeAt++;
    if (this.#observedAt % 2 === 1) mask |= Bit.observed;
    if (this.#activeAt % 2 === 1) mask |= Bit.active;
    return mask;
  }

  /** Steps over the edges that have come; the next edge or end of presence. */
  #nextTurn(now: number, { observed, active }: WorkerPresence): number {
    const edges = this.#edgesNs;
    while (this.#bucket < edges.length && edges[this.#bucket]! <= now) this.#bucket++;
    let next = Number.POSITIVE_INFINITY;
    if (this.#observedAt < observed.length) next = observed[this.#observedAt]!;
    if (this.#activeAt < active.length) next = Math.min(next, active[this.#activeAt]!);
    if (this.#bucket < edges.length) next = Math.min(next, edges[this.#bucket]!);
    return next;
  }
}

/** Transfers that are yet to start, the next one last. There are few at a time. */
class LaterTransfers {
  nextNs = Number.POSITIVE_INFINITY;
  #length = 0;
  #startNs = new Float64Array(16);
  #endNs = new Float64Array(16);

  clear(): void {
    this.#length = 0;
    this.nextNs = Number.POSITIVE_INFINITY;
  }

  add(startNs: number, endNs: number): void {
    if (this.#length === this.#startNs.length) this.#grow();
    let at = this.#length++;
    for (; at > 0 && this.#startNs[at - 1]! < startNs; at--) {
      this.#startNs[at] = this.#startNs[at - 1]!;
      this.#endNs[at] = this.#endNs[at - 1]!;
    }
    this.#startNs[at] = startNs;
    this.#endNs[at] = endNs;
    this.nextNs = this.#startNs[this.#length - 1]!;
  }

  /** The end of the next transfer, which is taken out. */
  take(): number {
    const endNs = this.#endNs[--this.#length]!;
    this.nextNs = this.#length === 0 ? Number.POSITIVE_INFINITY : this.#startNs[this.#length - 1]!;
    return endNs;
  }

  #grow(): void {
    const startNs = new Float64Array(this.#length * 2);
    const endNs = new Float64Array(this.#length * 2);
    startNs.set(this.#startNs);
    endNs.set(this.#endNs);
    this.#startNs = startNs;
    this.#endNs = endNs;
  }
}
