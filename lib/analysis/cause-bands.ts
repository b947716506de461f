/**
 * What waiting for one receive is charged to. The parts of a reply's whole way, from the waiter's own
 * send to the end of the receive, are put in the order in which they need not have been, the most
 * avoidable at the end:
 *
 *     the way    |own send   fan-in   A2F   queue   compute+excess   idle   F2A |receive ends
 *     the bands  |compute              A2F and F2A     queue   fan-in  excess  idle|
 *     the waiter  ██ computes other keys ██████████████████████████|···· waits ····|
 *
 * A worker hides as much of the way as it has other micro-batches to work on. What it cannot hide, the
 * instants just before the receive's end, is charged to what stands there. So a wait that would not
 * have been without a slow peer is the slow peer's, and the network gets what is left of it.
 */
import { Cause, NOBODY } from './causes.ts';

const BANDS = 10;

/** One after the other from the receive's end back. A band has up to two parts, or is excess. */
export class CauseBands {
  length = 0;
  /** Of all bands. */
  totalNs = 0;
  readonly firstNs = new Float64Array(BANDS);
  readonly secondNs = new Float64Array(BANDS);
  readonly firstCause = new Uint8Array(BANDS);
  readonly secondCause = new Uint8Array(BANDS);
  readonly firstCulprit = new Int32Array(BANDS);
  readonly secondCulprit = new Int32Array(BANDS);
  /** Of an excess: the side whose it is, and where its fields are (cause-chain.ts); else -1. */
  readonly side = new Int8Array(BANDS);
  readonly excessAt = new Int32Array(BANDS);

  clear(): void {
    this.length = 0;
    this.totalNs = 0;
  }

  add(cause: number, culprit: number, ns: number): void {
    this.addTwo(cause, culprit, ns, Cause.unknown, NOBODY, 0);
  }

  /** The first part, load's, is known when it is asked for (excess-split.ts). */
  addExcess(culprit: number, ns: number, side: number, excessAt: number): void {
    if (ns <= 0) return;
    this.addTwo(Cause.loadExcess, culprit, 0, Cause.deviceExcess, culprit, ns);
    this.side[this.length - 1] = side;
    this.excessAt[this.length - 1] = excessAt;
  }

  /** Parts that a wait which takes only some of the band shares in proportion. */
  addTwo(
    cause: number,
    culprit: number,
    ns: number,
    secondCause: number,
    secondCulprit: number,
    secondNs: number,
  ): void {
    if (ns <= 0 && secondNs <= 0) return;
    const band = this.length++;
    this.firstNs[band] = ns;
    this.firstCause[band] = cause;
    this.firstCulprit[band] = culprit;
    this.secondNs[band] = secondNs;
    this.secondCause[band] = secondCause;
    this.secondCulprit[band] = secondCulprit;
    this.side[band] = -1;
    this.totalNs += ns + secondNs;
  }
}
