/**
 * The smallest step to where several linear functions are large enough: projection onto an
 * intersection of half-spaces, a few at a time. Two cuts that nearly face each other, taken by turns,
 * would be approached in ever smaller steps; together they are met at once.
 */

/** `value + gradient · step` must become `wanted` at least. */
export interface Cut {
  readonly gradient: Float64Array;
  readonly value: number;
  readonly wanted: number;
}

/**
 * The step, shortest where each coordinate is measured by its `width`; meets the first cut and, if
 * that is possible, all others. null where the first cut cannot be met at all.
 */
export function shortestStep(cuts: readonly Cut[], width: Float64Array): Float64Array | null {
  const count = cuts.length;
  const gram = cuts.map((a) => cuts.map((b) => product(a.gradient, b.gradient, width)));
  if (!(gram[0]![0]! > LEAST_EFFECT)) return null;
  let weights: number[] = [(cuts[0]!.wanted - cuts[0]!.value) / gram[0]![0]!];
  let active = [0];
  // Which cuts hold as equations is found by trying: there are at most 2^(MOST_CUTS - 1) choices.
  for (let choice = 0; choice < 2 ** (count - 1); choice++) {
    const chosen = [0];
    for (let k = 1; k < count; k++) if ((choice >> (k - 1)) & 1) chosen.push(k);
    const found = solve(
      chosen.map((a) => chosen.map((b) => gram[a]![b]!)),
      chosen.map((a) => cuts[a]!.wanted - cuts[a]!.value),
    );
    if (found === null || found.some((weight) => weight < 0)) continue;
    const meetsAll = cuts.every((cut, k) => {
      if (chosen.includes(k)) return true;
      const gain = chosen.reduce((sum, a, i) => sum + gram[k]![a]! * found[i]!, 0);
      return cut.value + gain >= cut.wanted - ROUNDING_NS;
    });
    if (!meetsAll) continue;
    weights = found;
    active = chosen;
    break;
  }
  const step = new Float64Array(width.length);
  active.forEach((k, i) => {
    const { gradient } = cuts[k]!;
    for (let c = 0; c < step.length; c++) {
      step[c] = step[c]! + weights[i]! * gradient[c]! * width[c]! * width[c]!;
    }
  });
  return step;
}

function product(a: Float64Array, b: Float64Array, width: Float64Array): number {
  let sum = 0;
  for (let c = 0; c < a.length; c++) sum += a[c]! * b[c]! * width[c]! * width[c]!;
  return sum;
}

/** Gauss's elimination with pivots; null where the equations (nearly) depend on each other. */
function solve(matrix: number[][], right: number[]): number[] | null {
  const n = right.length;
  const rows = matrix.map((row, i) => [...row, right[i]!]);
  for (let column = 0; column < n; column++) {
    let pivot = column;
    for (let r = column + 1; r < n; r++) {
      if (Math.abs(rows[r]![column]!) > Math.abs(rows[pivot]![column]!)) pivot = r;
    }
    const row = rows[pivot]!;
    if (Math.abs(row[column]!) <= 1e-12 * matrix[pivot]![pivot]!) return null;
    rows[pivot] = rows[column]!;
    rows[column] = row;
    for (let r = 0; r < n; r++) {
      if (r === column) continue;
      const factor = rows[r]![column]! / row[column]!;
      for (let c = column; c <= n; c++) rows[r]![c] = rows[r]![c]! - factor * row[c]!;
    }
  }
  return rows.map((row, i) => row[n]! / row[i]!);
}

export const MOST_CUTS = 7;
/** Below this no step changes the function by as much as a nanosecond. */
const LEAST_EFFECT = 1e-18;
const ROUNDING_NS = 1e-6;
