/**
 * What matched transfers say about the clocks of two domains.
 *
 * Let f(x) be how far Y's clock is ahead when X's clock reads x: Y reads x + f(x). Clocks run
 * evenly over seconds, so f is a line there. Causes come before effects:
 *
 *     X sends at x, Y has received at y     Y reads x + f(x) when X reads x, and reads y not before
 *                                           that:    f(x) <= y - x      (upper, at x)
 *     Y sends at y, X has received at x     when X reads x, Y reads y or more:
 *                                                    f(x) >= y - x      (lower, at x)
 *
 * Both are limits at an instant of X's own clock, so nothing is approximated. What counts as "sends"
 * and "has received":
 * - A send's start comes before the end of the receive that it ends up in, always.
 * - Where the end of a send span is the arrival of the data (`afd.send_end=arrival`), that end too
 *   comes before the end of the receive, and is the tighter limit: the flight of the data drops out.
 *   It tightens the upper limits of the transfers from X and the lower limits of those from Y.
 * - `acked` ends after the arrival by an unknown time, `posted` may end on either side of it, since a
 *   thread can be paused between handing over the data and noting the time: only the start is used.
 * - A rendezvous send cannot end before its receive started: a limit the other way round, as if the
 *   receiver had sent a message when its receive started, received when the send ended.
 * - A receive that waited ends about when the data arrived, but "about" is no limit: not used.
 *
 * Only the lower convex hulls of `y - x` and `x - y` matter to lines. They are kept per pair of
 * domains and bucket of time, so that memory does not grow with traffic.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import { LowerHull } from './clock-hull.ts';

/** Matched sends and receives, one row a pair. Times are raw, after `baseUnixNs`. */
export interface TransferColumns {
  readonly length: number;
  readonly baseUnixNs: UnixNanos;
  /** Names of clock domains; the next two columns are indexes into it. */
  readonly domains: readonly string[];
  readonly senderDomain: Int32Array;
  readonly receiverDomain: Int32Array;
  readonly sendStartNs: Float64Array;
  readonly sendEndNs: Float64Array;
  readonly recvStartNs: Float64Array;
  readonly recvEndNs: Float64Array;
  /** 1: the send's end is the arrival of the data. null: of no row. */
  readonly endsAtArrival: Uint8Array | null;
  /** 1: the send waits for its receiver. null: of no row. */
  readonly rendezvous: Uint8Array | null;
}

/** The hulls of one bucket; times after the bucket's start, by the clock of `left`. */
export interface BoundsBucket {
  /** Its start is `bucket · bucketNs` after 1970. */
  readonly bucket: number;
  readonly upperT: Float64Array;
  readonly upperV: Float64Array;
  readonly lowerT: Float64Array;
  readonly lowerV: Float64Array;
}

/** What is known of a pair of domains; `left` is the name that sorts first. */
export interface PairBounds {
  readonly left: string;
  readonly right: string;
  readonly transfers: number;
  /** Transfers that raw times show received before they were sent. */
  readonly violations: number;
  readonly buckets: readonly BoundsBucket[];
}

/** Plain data: passes between threads, merges with parts of other slices of time. */
export interface ClockBoundsPart {
  readonly bucketNs: number;
  readonly pairs: readonly PairBounds[];
  /** Transfers left out because there were more than MAX_DOMAINS domains. */
  readonly leftOut: number;
}

/** Instants come rounded to whole nanoseconds, starts and durations each. */
export const CLOCK_RESOLUTION_NS = 2;
export const DEFAULT_BUCKET_NS = 10e9;
const MAX_DOMAINS = 1024;

interface Hulls {
  readonly upper: LowerHull;
  readonly lower: LowerHull;
}

interface Pair {
  readonly left: number;
  readonly right: number;
  transfers: number;
  violations: number;
  readonly buckets: Map<number, Hulls>;
}

/** One direction of a pair, and the bucket that its newest transfer fell in. */
interface Way {
  readonly pair: Pair;
  readonly isUpper: boolean;
  hull: LowerHull;
  fromNs: number;
  toNs: number;
}

export class ClockBounds {
  readonly bucketNs: number;
  readonly #domains: string[] = [];
  readonly #domainByName = new Map<string, number>();
  readonly #pairs = new Map<number, Pair>();
  /** By sender · MAX_DOMAINS + receiver. */
  readonly #ways = new Map<number, Way>();
  #baseBucket = Number.NaN;
  #leftOut = 0;

  /** @param bucketNs a whole number of nanoseconds; parts merge only with equal ones. */
  constructor(bucketNs: number = DEFAULT_BUCKET_NS) {
    this.bucketNs = bucketNs;
  }

  /** Transfers inside one domain say nothing and are skipped. */
  add(columns: TransferColumns): void {
    const count = columns.domains.length;
    const known = columns.domains.map((name) => this.#domain(name));
    const ways: (Way | null | undefined)[] = new Array(count * count);
    const shiftNs = this.#moveTo(columns.baseUnixNs);
    const { senderDomain, receiverDomain, endsAtArrival, rendezvous } = columns;
    for (let row = 0; row < columns.length; row++) {
      const sender = senderDomain[row]!;
      const receiver = receiverDomain[row]!;
      if (sender === receiver) continue;
      const at = sender * count + receiver;
      let way = ways[at];
      if (way === undefined) {
        way = this.#way(known[sender]!, known[receiver]!);
        ways[at] = way;
      }
      if (way === null) {
        this.#leftOut++;
        continue;
      }
      const byArrival = endsAtArrival !== null && endsAtArrival[row] === 1;
      const sentNs = byArrival ? columns.sendEndNs[row]! : columns.sendStartNs[row]!;
      const receivedNs = columns.recvEndNs[row]!;
      const { pair } = way;
      pair.transfers++;
      if (receivedNs - sentNs < -CLOCK_RESOLUTION_NS) pair.violations++;
      this.#limit(way, sentNs + shiftNs, receivedNs + shiftNs);
      if (rendezvous !== null && rendezvous[row] === 1) {
        const back = this.#way(known[receiver]!, known[sender]!)!;
        this.#limit(back, columns.recvStartNs[row]! + shiftNs, columns.sendEndNs[row]! + shiftNs);
      }
    }
  }

  /** Adds what another thread, or another slice of time, found. */
  merge(part: ClockBoundsPart): void {
    this.#leftOut += part.leftOut;
    for (const pair of part.pairs) {
      const way = this.#way(this.#domain(pair.left), this.#domain(pair.right));
      if (way === null) {
        this.#leftOut += pair.transfers;
        continue;
      }
      way.pair.transfers += pair.transfers;
      way.pair.violations += pair.violations;
      for (const { bucket, upperT, upperV, lowerT, lowerV } of pair.buckets) {
        const hulls = hullsOf(way.pair, bucket);
        hulls.upper.addAll(upperT, upperV);
        hulls.lower.addAll(lowerT, lowerV);
      }
    }
  }

  /** Drops buckets that end at or before the instant: what a live view does once a bucket. */
  forgetBefore(instant: UnixNanos): void {
    const first = Number(instant / BigInt(this.bucketNs));
    for (const pair of this.#pairs.values()) {
      for (const bucket of [...pair.buckets.keys()]) {
        if (bucket < first) pair.buckets.delete(bucket);
      }
    }
    for (const way of this.#ways.values()) {
      way.fromNs = Number.NaN;
      way.toNs = Number.NaN;
    }
  }

  /** A copy of all that is known, pairs sorted by name, buckets by time. */
  part(): ClockBoundsPart {
    const pairs = [...this.#pairs.values()].map((pair) => ({
      left: this.#domains[pair.left]!,
      right: this.#domains[pair.right]!,
      transfers: pair.transfers,
      violations: pair.violations,
      buckets: [...pair.buckets]
        .sort(([a], [b]) => a - b)
        .map(([bucket, { upper, lower }]) => ({
          bucket,
          upperT: upper.t.slice(0, upper.length),
          upperV: upper.v.slice(0, upper.length),
          lowerT: lower.t.slice(0, lower.length),
          lowerV: lower.v.slice(0, lower.length),
        })),
    }));
    pairs.sort((a, b) => compare(a.left, b.left) || compare(a.right, b.right));
    return { bucketNs: this.bucketNs, pairs, leftOut: this.#leftOut };
  }

  /** "Sent at" by the sender's clock was not after "received at" by the receiver's. */
  #limit(way: Way, sentNs: number, receivedNs: number): void {
    const at = way.isUpper ? sentNs : receivedNs;
    if (!(at >= way.fromNs && at < way.toNs)) {
      if (!Number.isFinite(receivedNs - sentNs)) return;
      const bucket = Math.floor(at / this.bucketNs);
      const hulls = hullsOf(way.pair, this.#baseBucket + bucket);
      way.hull = way.isUpper ? hulls.upper : hulls.lower;
      way.fromNs = bucket * this.bucketNs;
      way.toNs = way.fromNs + this.bucketNs;
    }
    way.hull.add(at - way.fromNs, receivedNs - sentNs);
  }

  /** Times are now counted from the bucket that holds `baseUnixNs`; returns what to add to them. */
  #moveTo(baseUnixNs: UnixNanos): number {
    const baseBucket = Number(baseUnixNs / BigInt(this.bucketNs));
    if (baseBucket !== this.#baseBucket) {
      this.#baseBucket = baseBucket;
      for (const way of this.#ways.values()) {
        way.fromNs = Number.NaN;
        way.toNs = Number.NaN;
      }
    }
    return Number(baseUnixNs % BigInt(this.bucketNs));
  }

  #domain(name: string): number {
    const known = this.#domainByName.get(name);
    if (known !== undefined) return known;
    const index = this.#domains.length;
    if (index === MAX_DOMAINS) return -1;
    this.#domains.push(name);
    this.#domainByName.set(name, index);
    return index;
  }

  /** null where one of the domains is one too many. */
  #way(sender: number, receiver: number): Way | null {
    if (sender < 0 || receiver < 0) return null;
    const id = sender * MAX_DOMAINS + receiver;
    const known = this.#ways.get(id);
    if (known !== undefined) return known;
    const isUpper = this.#domains[sender]! < this.#domains[receiver]!;
    const left = isUpper ? sender : receiver;
    const right = isUpper ? receiver : sender;
    const pairId = left * MAX_DOMAINS + right;
    let pair = this.#pairs.get(pairId);
    if (pair === undefined) {
      pair = { left, right, transfers: 0, violations: 0, buckets: new Map() };
      this.#pairs.set(pairId, pair);
    }
    const fresh = { pair, isUpper, hull: new LowerHull(), fromNs: Number.NaN, toNs: Number.NaN };
    this.#ways.set(id, fresh);
    return fresh;
  }
}

function hullsOf(pair: Pair, bucket: number): Hulls {
  let hulls = pair.buckets.get(bucket);
  if (hulls === undefined) {
    for (const older of pair.buckets.values()) {
      older.upper.compact();
      older.lower.compact();
    }
    hulls = { upper: new LowerHull(), lower: new LowerHull() };
    pair.buckets.set(bucket, hulls);
  }
  return hulls;
}

function compare(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
