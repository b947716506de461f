/**
 * Clocks with known errors, and transfers between them as their owners would report them. True time
 * counts in nanoseconds from the world's start; reports are whole nanoseconds of the sender's and the
 * receiver's own clocks.
 */
import type { Random } from '#lib/base/random.ts';
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { TransferColumns } from '#lib/model/clock-bounds.ts';

export interface WorldClock {
  readonly name: string;
  /** Reading minus true time at true time 0. */
  readonly offsetNs: number;
  readonly driftPpm: number;
}

export const WORLD_START = unixNanos(1_767_225_600_123_456_789n);

export class ClockWorld {
  readonly clocks: readonly WorldClock[];

  constructor(clocks: readonly WorldClock[]) {
    this.clocks = clocks;
  }

  /** What the clock shows, after WORLD_START, before rounding. */
  reading(clock: number, trueNs: number): number {
    const { offsetNs, driftPpm } = this.clocks[clock]!;
    return trueNs + offsetNs + trueNs * driftPpm * 1e-6;
  }

  /** What must be added to the clock's reading to get the reference's. */
  correctionNs(clock: number, reference: number, rawNs: number): number {
    const { offsetNs, driftPpm } = this.clocks[clock]!;
    const trueNs = (rawNs - offsetNs) / (1 + driftPpm * 1e-6);
    return this.reading(reference, trueNs) - rawNs;
  }

  indexOf(name: string): number {
    return this.clocks.findIndex((clock) => clock.name === name);
  }
}

/** Clocks up to `offsetNs` and `driftPpm` off, either way. */
export function randomWorld(
  random: Random,
  names: readonly string[],
  offsetNs: number,
  driftPpm: number,
): ClockWorld {
  const either = (most: number): number => (2 * random.uniform() - 1) * most;
  return new ClockWorld(
    names.map((name) => ({ name, offsetNs: either(offsetNs), driftPpm: either(driftPpm) })),
  );
}

export interface TrueTransfer {
  readonly sender: number;
  readonly receiver: number;
  readonly sendStartNs: number;
  readonly arrivalNs: number;
  readonly recvStartNs: number;
  readonly recvEndNs: number;
}

/** How a link behaves: flight time at least `flightNs`, more by an exponential tail. */
export interface Link {
  readonly sender: number;
  readonly receiver: number;
  readonly transfers: number;
  readonly flightNs: number;
  readonly jitterNs: number;
  /** From the arrival to the end of the receive, likewise exponential. */
  readonly pickUpNs: number;
}

/** Transfers at random times in [fromNs, toNs). */
export function transfersOf(
  random: Random,
  links: readonly Link[],
  fromNs: number,
  toNs: number,
): TrueTransfer[] {
  const tail = (mean: number): number => -Math.log(1 - random.uniform()) * mean;
  const all: TrueTransfer[] = [];
  for (const link of links) {
    for (let i = 0; i < link.transfers; i++) {
      const sendStartNs = fromNs + random.uniform() * (toNs - fromNs);
      const arrivalNs = sendStartNs + link.flightNs + tail(link.jitterNs);
      const recvEndNs = arrivalNs + tail(link.pickUpNs);
      // Before the arrival, but now and then after the send has started: sends may wait for it.
      const recvStartNs = arrivalNs - random.uniform() * 2 * (arrivalNs - sendStartNs);
      const { sender, receiver } = link;
      all.push({ sender, receiver, sendStartNs, arrivalNs, recvStartNs, recvEndNs });
    }
  }
  return all;
}

export interface ReportOptions {
  readonly arrival?: boolean;
  readonly rendezvous?: boolean;
  readonly baseUnixNs?: UnixNanos;
}

/** The columns that assembly would find in the senders' and receivers' reports. */
export function reportOf(
  world: ClockWorld,
  transfers: readonly TrueTransfer[],
  options: ReportOptions = {},
): TransferColumns {
  const baseUnixNs = options.baseUnixNs ?? WORLD_START;
  const shift = Number(WORLD_START - baseUnixNs);
  const read = (clock: number, trueNs: number): number =>
    Math.floor(world.reading(clock, trueNs)) + shift;
  const flag = (set: boolean | undefined): Uint8Array | null =>
    set === true ? new Uint8Array(transfers.length).fill(1) : null;
  return {
    length: transfers.length,
    baseUnixNs,
    domains: world.clocks.map(({ name }) => name),
    senderDomain: Int32Array.from(transfers, (t) => t.sender),
    receiverDomain: Int32Array.from(transfers, (t) => t.receiver),
    sendStartNs: Float64Array.from(transfers, (t) => read(t.sender, t.sendStartNs)),
    sendEndNs: Float64Array.from(transfers, (t) => read(t.sender, t.arrivalNs)),
    recvStartNs: Float64Array.from(transfers, (t) => read(t.receiver, t.recvStartNs)),
    recvEndNs: Float64Array.from(transfers, (t) => read(t.receiver, t.recvEndNs)),
    endsAtArrival: flag(options.arrival),
    rendezvous: flag(options.rendezvous),
  };
}

/** Links both ways between every sender and every receiver. */
export function linksBetween(
  some: readonly number[],
  others: readonly number[],
  link: Omit<Link, 'sender' | 'receiver'>,
): Link[] {
  return some.flatMap((a) =>
    others.flatMap((b) => [
      { ...link, sender: a, receiver: b },
      { ...link, sender: b, receiver: a },
    ]),
  );
}
