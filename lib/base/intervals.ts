/**
 * Sets of half-open integer intervals `[start, end)`, as a flat column `[s0, e0, s1, e1, …]` that
 * is sorted, disjoint, and without empty or touching members ("normal"). Every function returns a
 * new normal set and reads only normal ones, but for `unionOf`, which makes one.
 */
export type Intervals = Float64Array;

export const NO_INTERVALS: Intervals = new Float64Array(0);

/** The union of arbitrary intervals; empty and inverted ones count as nothing. */
export function unionOf(startNs: ArrayLike<number>, endNs: ArrayLike<number>): Intervals {
  const order: number[] = [];
  for (let i = 0; i < startNs.length; i++) if (startNs[i]! < endNs[i]!) order.push(i);
  order.sort((a, b) => startNs[a]! - startNs[b]!);
  const out: number[] = [];
  for (const i of order) {
    const start = startNs[i]!;
    const end = endNs[i]!;
    const last = out.length - 1;
    if (last > 0 && start <= out[last]!) {
      if (end > out[last]!) out[last] = end;
    } else {
      out.push(start, end);
    }
  }
  return Float64Array.from(out);
}

/** Total length of a normal set. */
export function measure(set: Intervals): number {
  let total = 0;
  for (let i = 0; i < set.length; i += 2) total += set[i + 1]! - set[i]!;
  return total;
}

export function union(a: Intervals, b: Intervals): Intervals {
  const starts = new Float64Array((a.length + b.length) / 2);
  const ends = new Float64Array(starts.length);
  let n = 0;
  for (const set of [a, b]) {
    for (let i = 0; i < set.length; i += 2, n++) {
      starts[n] = set[i]!;
      ends[n] = set[i + 1]!;
    }
  }
  return unionOf(starts, ends);
}

export function intersect(a: Intervals, b: Intervals): Intervals {
  const out: number[] = [];
  let i = 0;
  let j = 0;
  while (i < a.length && j < b.length) {
    const start = Math.max(a[i]!, b[j]!);
    const end = Math.min(a[i + 1]!, b[j + 1]!);
    if (start < end) out.push(start, end);
    if (a[i + 1]! < b[j + 1]!) i += 2;
    else j += 2;
  }
  return Float64Array.from(out);
}

/** `a \ b`. */
export function subtract(a: Intervals, b: Intervals): Intervals {
  const out: number[] = [];
  let j = 0;
  for (let i = 0; i < a.length; i += 2) {
    let start = a[i]!;
    const end = a[i + 1]!;
    while (j < b.length && b[j + 1]! <= start) j += 2;
    for (let k = j; k < b.length && b[k]! < end; k += 2) {
      if (b[k]! > start) out.push(start, b[k]!);
      start = Math.max(start, b[k + 1]!);
    }
    if (start < end) out.push(start, end);
  }
  return Float64Array.from(out);
}

/** The part of a normal set inside `[from, to)`. */
export function clip(set: Intervals, from: number, to: number): Intervals {
  return intersect(set, from < to ? Float64Array.of(from, to) : NO_INTERVALS);
}
