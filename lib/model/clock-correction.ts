/**
 * What is added to the raw times of one clock: a continuous curve over time, made of pieces.
 *
 *     raw   piece 0      | piece 1        | piece 2
 *           o + d·x      | o + d·x + b·x² | o + d·x          x: time since the piece's start
 *
 * The same raw instant always becomes the same aligned instant, and order is kept, so that events of
 * a worker that touch still touch.
 */
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';

export interface ClockCorrection {
  /** About where the first piece starts, by the clock itself. */
  readonly fromUnixNs: UnixNanos;
  /** Starts of the pieces after `fromUnixNs`. The first holds before it too, the last never ends. */
  readonly startNs: Float64Array;
  readonly offsetNs: Float64Array;
  /** Change of the offset, as a ratio, and half its change per nanosecond. */
  readonly drift: Float64Array;
  readonly bend: Float64Array;
}

/** Nanoseconds to add, not rounded, at `rawNs` after `baseUnixNs`. */
export function correctionAt(
  correction: ClockCorrection,
  baseUnixNs: UnixNanos,
  rawNs: number,
): number {
  const at = nanosBetween(correction.fromUnixNs, baseUnixNs) + rawNs;
  return valueAt(correction, pieceAt(correction, at, 0), at);
}

/**
 * Aligns instants in place: `values[from .. to)`, after `baseUnixNs`, rounded to whole nanoseconds.
 * Fastest where they are in order of time.
 */
export function alignInstants(
  correction: ClockCorrection,
  baseUnixNs: UnixNanos,
  values: Float64Array,
  from = 0,
  to = values.length,
): void {
  const { startNs, offsetNs, drift, bend } = correction;
  const shiftNs = nanosBetween(correction.fromUnixNs, baseUnixNs);
  for (let i = from, piece = 0; i < to; ) {
    piece = pieceAt(correction, values[i]! + shiftNs, piece);
    const pieceNs = startNs[piece]!;
    const firstNs = piece === 0 ? Number.NEGATIVE_INFINITY : pieceNs;
    const endNs = piece + 1 < startNs.length ? startNs[piece + 1]! : Number.POSITIVE_INFINITY;
    const o = offsetNs[piece]!;
    const d = drift[piece]!;
    const b = bend[piece]!;
    for (; i < to; i++) {
      const at = values[i]! + shiftNs;
      if (!(at >= firstNs && at < endNs)) break;
      const x = at - pieceNs;
      values[i] = values[i]! + Math.round(o + x * (d + x * b));
    }
  }
}

/** The instants at which a stretch of time begins a new piece, for code that wants them all. */
function pieceAt({ startNs }: ClockCorrection, at: number, near: number): number {
  let piece = near;
  while (piece > 0 && at < startNs[piece]!) piece--;
  while (piece + 1 < startNs.length && at >= startNs[piece + 1]!) piece++;
  return piece;
}

function valueAt(
  { startNs, offsetNs, drift, bend }: ClockCorrection,
  p: number,
  at: number,
): number {
  const x = at - startNs[p]!;
  return offsetNs[p]! + x * (drift[p]! + x * bend[p]!);
}
