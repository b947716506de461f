/** Starts and durations of a chunk: from the nearest anchor, and from a running mean of the stage. */
import { areSmallIntegers, type ColumnWriter } from './column-codec.ts';
import type { EncodeScratch } from './encode-scratch.ts';
import { nextMean } from './running-mean.ts';
import { Anchors } from './start-anchors.ts';

let anchorOf = new Int32Array(0);
let starts = new Int32Array(0);
let durations = new Int32Array(0);

/** The three columns of times, in order: anchors, starts, durations. */
export function encodeTimes(
  scratch: EncodeScratch,
  n: number,
  stageCount: number,
  out: ColumnWriter,
): void {
  const narrow = encodeNarrow(scratch, n, stageCount);
  if (narrow !== null) {
    out.zigzags(anchorOf, n, narrow.anchorBits);
    out.zigzags(starts, n, narrow.startBits);
    out.zigzags(durations, n, narrow.durationBits);
    return;
  }
  encodeWide(scratch, n, stageCount, out);
}

interface Bits {
  readonly anchorBits: number;
  readonly startBits: number;
  readonly durationBits: number;
}

/**
 * null: a residual needs more than 31 bits, or a time is no integer. The anchors are those of
 * start-anchors.ts, as local variables: they are most of the work.
 */
function encodeNarrow(scratch: EncodeScratch, n: number, stageCount: number): Bits | null {
  if (anchorOf.length < n) {
    anchorOf = new Int32Array(scratch.startNs.length);
    starts = new Int32Array(scratch.startNs.length);
    durations = new Int32Array(scratch.startNs.length);
  }
  const { stages, worker, startNs, durationNs } = scratch;
  const { from, to, count } = scratch.runs;
  const mean = scratch.last;
  mean.fill(0, 0, stageCount);
  let end0 = 0;
  let end1 = 0;
  let end2 = 0;
  let end3 = 0;
  let lastStart = 0;
  let workerStart = 0;
  let lastWorker = -1;
  let anchorBits = 0;
  let startBits = 0;
  let durationBits = 0;
  let at = 0;
  for (let r = 0; r < count; r++) {
    const row = from[r]!;
    const end = to[r]!;
    if (worker[row] !== lastWorker) {
      lastWorker = worker[row]!;
      end0 = workerStart;
      end1 = workerStart;
      end2 = workerStart;
      end3 = workerStart;
      lastStart = workerStart;
      workerStart = startNs[row]!;
    }
    for (let i = row; i < end; i++, at++) {
      const start = startNs[i]!;
      const duration = durationNs[i]!;
      let anchor = 0;
      let residual = start - end0;
      let gap = Math.abs(residual);
      if (gap !== 0) {
        const from1 = start - end1;
        if (Math.abs(from1) < gap) {
          anchor = 1;
          residual = from1;
          gap = Math.abs(from1);
        }
        const from2 = start - end2;
        if (Math.abs(from2) < gap) {
          anchor = 2;
          residual = from2;
          gap = Math.abs(from2);
        }
        const from3 = start - end3;
        if (Math.abs(from3) < gap) {
          anchor = 3;
          residual = from3;
          gap = Math.abs(from3);
        }
        const fromStart = start - lastStart;
        if (Math.abs(fromStart) < gap) {
          anchor = 4;
          residual = fromStart;
        }
      }
      const stage = stages[at]!;
      const off = duration - mean[stage]!;
      const narrowStart = residual | 0;
      const narrowOff = off | 0;
      if (narrowStart !== residual || narrowOff !== off) return null;
      if ((start === 0 && 1 / start < 0) || (duration === 0 && 1 / duration < 0)) return null;
      mean[stage] = nextMean(mean[stage]!, off);
      const startCode = (narrowStart << 1) ^ (narrowStart >> 31);
      const offCode = (narrowOff << 1) ^ (narrowOff >> 31);
      anchorOf[at] = anchor << 1;
      starts[at] = startCode;
      durations[at] = offCode;
      anchorBits |= anchor << 1;
      startBits |= startCode;
      durationBits |= offCode;
      end3 = end2;
      end2 = end1;
      end1 = end0;
      end0 = start + duration;
      lastStart = start;
    }
  }
  return { anchorBits, startBits, durationBits };
}

function encodeWide(
  scratch: EncodeScratch,
  n: number,
  stageCount: number,
  out: ColumnWriter,
): void {
  const { startNs, durationNs } = scratch.orderedTimes(n);
  if (!areSmallIntegers(startNs) || !areSmallIntegers(durationNs)) {
    out.nothing();
    out.doubles(startNs, n);
    out.doubles(durationNs, n);
    return;
  }
  const wideAnchors = new Float64Array(n);
  const residuals = new Float64Array(n);
  const anchors = new Anchors();
  const { from, to, count } = scratch.runs;
  for (let r = 0, i = 0; r < count; r++) {
    const isNext = r > 0 && scratch.worker[from[r]!] !== scratch.worker[from[r - 1]!];
    if (isNext) anchors.nextWorker();
    for (const end = i + to[r]! - from[r]!; i < end; i++) {
      const start = startNs[i]!;
      const anchor = anchors.nearest(start);
      wideAnchors[i] = anchor;
      residuals[i] = start - anchors.value(anchor);
      anchors.push(start, start + durationNs[i]!);
    }
  }
  out.integers(wideAnchors, n);
  out.integers(residuals, n);
  const mean = scratch.last.fill(0, 0, stageCount);
  for (let i = 0; i < n; i++) {
    const stage = scratch.stages[i]!;
    const residual = durationNs[i]! - mean[stage]!;
    residuals[i] = residual;
    mean[stage] = nextMean(mean[stage]!, residual);
  }
  out.integers(residuals, n);
}
