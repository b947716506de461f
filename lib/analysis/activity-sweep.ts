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
  #mask = 0;
  /** At or before the first of the open activities' ends. */
  #nextEndNs = Number.POSITIVE_INFINITY;
  /** Transfers that start later, by start. */
  readonly #laterStartNs: number[] = [];
  readonly #laterEndNs: number[] = [];
  #observedAt = 0;
  #activeAt = 0;
  #bucket = 0;
  /** The first edge, later transfer, or end of presence to come. */
  #nextTurnNs = Number.NEGATIVE_INFINITY;

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
    const time = this.#time.fill(0);
    const lastNs = this.#edgesNs[this.#edgesNs.length - 1]!;
    const reachedNs = this.#reachedNs.fill(Number.NEGATIVE_INFINITY);
    this.#reset();
    let row = offsets[worker]!;
    const rowEnd = offsets[worker + 1]!;
    let receive = receives.offsets[worker]!;
    const receiveEnd = receives.offsets[worker + 1]!;
    let now = Number.NEGATIVE_INFINITY;
    for (;;) {
      const rowNs = row < rowEnd ? startNs[row]! : Number.POSITIVE_INFINITY;
      const receiveNs =
        receive < receiveEnd ? receives.startNs[receive]! : Number.POSITIVE_INFINITY;
      const upcomingNs = Math.min(receiveNs, rowNs);
      const untilNs = Math.min(upcomingNs, lastNs);
      while (now < untilNs) {
        const next = Math.min(untilNs, this.#nextEndNs, this.#nextTurnNs);
        if (next > now) {
          const at = this.#bucket * MASKS + this.#mask;
          time[at] = time[at]! + (next - now);
          now = next;
        }
        if (this.#nextEndNs <= now) this.#close(now);
        if (this.#nextTurnNs <= now) this.#turn(now, presence);
      }
      if (upcomingNs >= lastNs) break;
      if (receiveNs <= rowNs) {
        const end = receives.endNs[receive]!;
        const cut = receives.cutNs[receive]!;
        this.#open(RECEIVE, now, end);
        this.#open(WAIT, now, cut);
        this.#openFrom(cut, now, end);
        receive++;
        continue;
      }
      const end = endNs[row]!;
      const activity = ACTIVITY_OF_KIND[kind[row]!]!;
      if (activity === TRANSFER) {
        this.#open(COMMUNICATION, now, end);
        const begin = transferStartNs === null ? now : transferStartNs[row]!;
        this.#open(WAIT, now, begin);
        this.#openFrom(begin, now, end);
      } else if (end > now) {
        if (end > reachedNs[activity]!) reachedNs[activity] = end;
        this.#mask |= 1 << activity;
        if (end < this.#nextEndNs) this.#nextEndNs = end;
      }
      row++;
    }
    return time.subarray(MASKS, MASKS * this.#edgesNs.length);
  }

  #reset(): void {
    this.#mask = 0;
    this.#nextEndNs = Number.POSITIVE_INFINITY;
    this.#laterStartNs.length = 0;
    this.#laterEndNs.length = 0;
    this.#observedAt = 0;
    this.#activeAt = 0;
    this.#bucket = 0;
    this.#nextTurnNs = Number.NEGATIVE_INFINITY;
  }

  #open(activity: number, now: number, end: number): void {
    if (end <= now) return;
    if (end > this.#reachedNs[activity]!) this.#reachedNs[activity] = end;
    this.#mask |= 1 << activity;
    if (end < this.#nextEndNs) this.#nextEndNs = end;
  }

  /** A transfer over `[start, end)`, which may lie ahead. */
  #openFrom(start: number, now: number, end: number): void {
    if (start <= now) {
      this.#open(TRANSFER, now, end);
      return;
    }
    if (start >= end) return;
    const starts = this.#laterStartNs;
    const ends = this.#laterEndNs;
    let at = starts.length;
    while (at > 0 && starts[at - 1]! < start) at--;
    starts.splice(at, 0, start);
    ends.splice(at, 0, end);
    if (start < this.#nextTurnNs) this.#nextTurnNs = start;
  }

  /** Closes what has ended. An end that was put off by a later event is looked for anew. */
  #close(now: number): void {
    let mask = this.#mask;
    let next = Number.POSITIVE_INFINITY;
    for (let activity = 0; activity < UNIONS; activity++) {
      if ((mask & (1 << activity)) === 0) continue;
      const end = this.#reachedNs[activity]!;
      if (end <= now) mask &= ~(1 << activity);
      else if (end < next) next = end;
    }
    this.#mask = mask;
    this.#nextEndNs = next;
  }

  #turn(now: number, { observed, active }: WorkerPresence): void {
    const starts = this.#laterStartNs;
    while (starts.length > 0 && starts[starts.length - 1]! <= now) {
      starts.pop();
      this.#open(TRANSFER, now, this.#laterEndNs.pop()!);
    }
    while (this.#observedAt < observed.length && observed[this.#observedAt]! <= now) {
      this.#observedAt++;
    }
    while (this.#activeAt < active.length && active[this.#activeAt]! <= now) this.#activeAt++;
    const edges = this.#edgesNs;
    while (this.#bucket < edges.length && edges[this.#bucket]! <= now) this.#bucket++;
    this.#mask &= ~(Bit.observed | Bit.active);
    if (this.#observedAt % 2 === 1) this.#mask |= Bit.observed;
    if (this.#activeAt % 2 === 1) this.#mask |= Bit.active;
    let next = Number.POSITIVE_INFINITY;
    if (starts.length > 0) next = starts[starts.length - 1]!;
    if (this.#observedAt < observed.length) next = Math.min(next, observed[this.#observedAt]!);
    if (this.#activeAt < active.length) next = Math.min(next, active[this.#activeAt]!);
    if (this.#bucket < edges.length) next = Math.min(next, edges[this.#bucket]!);
    this.#nextTurnNs = next;
  }
}
