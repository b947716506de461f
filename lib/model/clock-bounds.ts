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
import { assert } from '#lib/base/assert.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import { GRID_CELLS, LowerHull } from './clock-hull.ts';

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
  /** First and last limit. */
  readonly fromNs: number;
  readonly toNs: number;
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
const BLOCK_ROWS = 8192;
const STRIDE = 16;

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

/** The directions between the domains of one table: `sender · count + receiver` finds one. */
interface Ways {
  readonly pair: (Pair | null)[];
  /** Instants are by the clock of the pair's left: 1 where that is the sender, else 0. */
  readonly fromSender: Uint8Array;
  readonly transfers: Uint32Array;
  readonly violations: Uint32Array;
  /** The hull that the newest limit went to, and the bucket that it is of. */
  readonly hull: LowerHull[];
  readonly grid: Float64Array[];
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
}

export class ClockBounds {
  readonly bucketNs: number;
  /**
   * Clocks do not read the start of a bucket at the same instant. Limits so close to it count in both
   * buckets, so that fits to either side of a seam satisfy what happens at it.
   */
  readonly #seamNs: number;
  readonly #domains: string[] = [];
  readonly #domainByName = new Map<string, number>();
  /** By left · MAX_DOMAINS + right. */
  readonly #pairs = new Map<number, Pair>();
  #leftOut = 0;

  /** @param bucketNs a whole number of nanoseconds; parts merge only with equal ones. */
  constructor(bucketNs: number = DEFAULT_BUCKET_NS) {
    this.bucketNs = bucketNs;
    this.#seamNs = bucketNs / 400;
  }

  /** Transfers inside one domain say nothing and are skipped. */
  add(columns: TransferColumns): void {
    const { domains, senderDomain, receiverDomain, recvEndNs } = columns;
    const { sendStartNs, sendEndNs, endsAtArrival } = columns;
    const count = domains.length;
    const ways = this.#ways(domains);
    const { fromSender, startNs, grid, transfers, violations } = ways;
    const base = {
      bucket: Number(columns.baseUnixNs / BigInt(this.bucketNs)),
      shiftNs: Number(columns.baseUnixNs % BigInt(this.bucketNs)),
    };
    // In each block every sixteenth row first: rows come in order of time, and once the hull spans
    // the block, the rest of it is dropped by a look at the grid.
    for (let block = 0; block < columns.length; block += BLOCK_ROWS) {
      const end = Math.min(block + BLOCK_ROWS, columns.length);
      for (let first = block; first < block + STRIDE; first++) {
        for (let row = first; row < end; row += STRIDE) {
          const sender = senderDomain[row]!;
          const receiver = receiverDomain[row]!;
          if (sender === receiver) continue;
          const way = sender * count + receiver;
          const byArrival = endsAtArrival !== null && endsAtArrival[row] === 1;
          const sentNs = byArrival ? sendEndNs[row]! : sendStartNs[row]!;
          const tookNs = recvEndNs[row]! - sentNs;
          transfers[way] = transfers[way]! + 1;
          if (tookNs < -CLOCK_RESOLUTION_NS) violations[way] = violations[way]! + 1;
          const at = (fromSender[way] === 1 ? sentNs : recvEndNs[row]!) + base.shiftNs;
          const heights = grid[way]!;
          const x = (at - startNs[way]! - heights[0]!) * heights[1]!;
          if (x >= 0 && x < GRID_CELLS) {
            const cell = x | 0;
            const left = heights[cell + 2]!;
            const isAbove = tookNs >= left + (heights[cell + 3]! - left) * (x - cell);
            const inNs = at - startNs[way]!;
            if (isAbove && inNs >= this.#seamNs && inNs < this.bucketNs - this.#seamNs) continue;
          }
          this.#limit(ways, way, base.bucket, at, tookNs);
        }
      }
    }
    if (columns.rendezvous !== null) this.#addRendezvous(columns, ways, base);
    for (let way = 0; way < ways.pair.length; way++) {
      const pair = ways.pair[way];
      if (pair === null || pair === undefined) {
        this.#leftOut += transfers[way]!;
        continue;
      }
      pair.transfers += transfers[way]!;
      pair.violations += violations[way]!;
    }
  }

  /** The receive started before the send ended. */
  #addRendezvous(
    {
      length,
      domains,
      senderDomain,
      receiverDomain,
      recvStartNs,
      sendEndNs,
      rendezvous,
    }: TransferColumns,
    ways: Ways,
    base: { bucket: number; shiftNs: number },
  ): void {
    for (let row = 0; row < length; row++) {
      const sender = senderDomain[row]!;
      const receiver = receiverDomain[row]!;
      if (sender === receiver || rendezvous === null || rendezvous[row] === 0) continue;
      const back = receiver * domains.length + sender;
      const at = ways.fromSender[back] === 1 ? recvStartNs[row]! : sendEndNs[row]!;
      this.#limit(ways, back, base.bucket, at + base.shiftNs, sendEndNs[row]! - recvStartNs[row]!);
    }
  }

  /** Adds what another thread, or another slice of time, found. */
  merge(part: ClockBoundsPart): void {
    assert(part.bucketNs === this.bucketNs, 'parts of clock bounds have buckets of another length');
    this.#leftOut += part.leftOut;
    for (const pair of part.pairs) {
      const own = this.#pair(this.#domain(pair.left), this.#domain(pair.right));
      if (own === null) {
        this.#leftOut += pair.transfers;
        continue;
      }
      own.transfers += pair.transfers;
      own.violations += pair.violations;
      for (const { bucket, fromNs, toNs, upperT, upperV, lowerT, lowerV } of pair.buckets) {
        const hulls = hullsOf(own, bucket);
        hulls.upper.fromNs = Math.min(hulls.upper.fromNs, fromNs);
        hulls.upper.toNs = Math.max(hulls.upper.toNs, toNs);
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
  }

  /** Transfers so far, and those that raw times show received before they were sent. */
  counts(): { readonly transfers: number; readonly violations: number } {
    let transfers = 0;
    let violations = 0;
    for (const pair of this.#pairs.values()) {
      transfers += pair.transfers;
      violations += pair.violations;
    }
    return { transfers, violations };
  }

  /** A copy of all that is known, pairs sorted by name, buckets by time. */
  part(): ClockBoundsPart {
    const used = [...this.#pairs.values()].filter(({ buckets }) => buckets.size > 0);
    const pairs = used.map((pair) => ({
      left: this.#domains[pair.left]!,
      right: this.#domains[pair.right]!,
      transfers: pair.transfers,
      violations: pair.violations,
      buckets: [...pair.buckets]
        .sort(([a], [b]) => a - b)
        .map(([bucket, { upper, lower }]) => ({
          bucket,
          fromNs: Math.min(upper.fromNs, lower.fromNs),
          toNs: Math.max(upper.toNs, lower.toNs),
          ...namedVertices(upper, lower),
        })),
    }));
    pairs.sort((a, b) => compare(a.left, b.left) || compare(a.right, b.right));
    return { bucketNs: this.bucketNs, pairs, leftOut: this.#leftOut };
  }

  /** A limit that the grid did not drop, at an instant after the base bucket's start. */
  #limit(ways: Ways, way: number, baseBucket: number, at: number, tookNs: number): void {
    const { pair, fromSender, startNs, endNs, grid, hull } = ways;
    if (!(at >= startNs[way]! && at < endNs[way]!)) {
      const own = pair[way];
      if (own === null || own === undefined || !Number.isFinite(at)) return;
      const bucket = Math.floor(at / this.bucketNs);
      const hulls = hullsOf(own, baseBucket + bucket);
      startNs[way] = bucket * this.bucketNs;
      endNs[way] = (bucket + 1) * this.bucketNs;
      hull[way] = fromSender[way] === 1 ? hulls.upper : hulls.lower;
    }
    const current = hull[way]!;
    const inNs = at - startNs[way]!;
    current.add(inNs, tookNs);
    grid[way] = current.grid;
    const own = pair[way];
    if (own === null || own === undefined) return;
    if (inNs < this.#seamNs) {
      const { upper, lower } = hullsOf(own, baseBucket + startNs[way]! / this.bucketNs - 1);
      (fromSender[way] === 1 ? upper : lower).add(inNs + this.bucketNs, tookNs);
    } else if (inNs >= this.bucketNs - this.#seamNs) {
      const { upper, lower } = hullsOf(own, baseBucket + startNs[way]! / this.bucketNs + 1);
      (fromSender[way] === 1 ? upper : lower).add(inNs - this.bucketNs, tookNs);
    }
  }

  #ways(domains: readonly string[]): Ways {
    const count = domains.length;
    const known = domains.map((name) => this.#domain(name));
    const ways: Ways = {
      pair: new Array<Pair | null>(count * count).fill(null),
      fromSender: new Uint8Array(count * count),
      transfers: new Uint32Array(count * count),
      violations: new Uint32Array(count * count),
      hull: new Array<LowerHull>(count * count).fill(NO_HULL),
      grid: new Array<Float64Array>(count * count).fill(NO_HULL.grid),
      startNs: new Float64Array(count * count).fill(Number.NaN),
      endNs: new Float64Array(count * count).fill(Number.NaN),
    };
    for (let sender = 0; sender < count; sender++) {
      for (let receiver = 0; receiver < count; receiver++) {
        if (sender === receiver) continue;
        const way = sender * count + receiver;
        const isLeft = domains[sender]! < domains[receiver]!;
        ways.fromSender[way] = isLeft ? 1 : 0;
        ways.pair[way] = isLeft
          ? this.#pair(known[sender]!, known[receiver]!)
          : this.#pair(known[receiver]!, known[sender]!);
      }
    }
    return ways;
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
  #pair(left: number, right: number): Pair | null {
    if (left < 0 || right < 0) return null;
    const id = left * MAX_DOMAINS + right;
    let pair = this.#pairs.get(id);
    if (pair === undefined) {
      pair = { left, right, transfers: 0, violations: 0, buckets: new Map() };
      this.#pairs.set(id, pair);
    }
    return pair;
  }
}

const NO_HULL = new LowerHull();

function namedVertices(
  upper: LowerHull,
  lower: LowerHull,
): Pick<BoundsBucket, 'upperT' | 'upperV' | 'lowerT' | 'lowerV'> {
  const up = upper.vertices();
  const low = lower.vertices();
  return { upperT: up.t, upperV: up.v, lowerT: low.t, lowerV: low.v };
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
