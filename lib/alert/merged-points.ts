/** Several series seen as one, the worst at each instant; sparse ones with their zeros filled in. */
import { lowerBound, upperBound } from '#lib/base/bisect.ts';
import type { Points, Series } from './series.ts';

/** Of the newest `spanMs` of them. One series is given as it is. */
export function mergePoints(members: readonly Series[], isUp: boolean, spanMs: number): Points {
  if (members.length === 1) return members[0]!;
  const newest = Math.max(...members.map((series) => series.newestUnixMs));
  return worstAt(members, isUp, newest - spanMs);
}

/** At every look of the newest `spanMs`; where a series has no sample it is 0. */
export function sparsePoints(
  members: readonly Series[],
  looks: readonly number[],
  isUp: boolean,
  spanMs: number,
): Points {
  const newest = looks.at(-1) ?? Number.NEGATIVE_INFINITY;
  const atUnixMs = looks.slice(upperBound(looks, newest - spanMs));
  const value = atUnixMs.map(() => 0);
  const worse = isUp ? Math.max : Math.min;
  const seen = new Uint32Array(atUnixMs.length);
  for (const series of members) {
    let at = 0;
    for (let i = lowerBound(series.atUnixMs, newest - spanMs); i < series.atUnixMs.length; i++) {
      while (at < atUnixMs.length && atUnixMs[at]! < series.atUnixMs[i]!) at++;
      if (atUnixMs[at] !== series.atUnixMs[i]) continue;
      const own = series.value[i]!;
      value[at] = seen[at] === 0 ? own : worse(own, value[at]!);
      seen[at] = seen[at]! + 1;
    }
  }
  seen.forEach((count, at) => {
    if (count < members.length) value[at] = worse(0, value[at]!);
  });
  return { atUnixMs, value, weight: value.map(() => 1) };
}

interface Columns extends Points {
  readonly atUnixMs: number[];
  readonly value: number[];
  readonly weight: number[];
}

function worstAt(members: readonly Series[], isUp: boolean, afterUnixMs: number): Points {
  let worst: Columns = { atUnixMs: [], value: [], weight: [] };
  for (const series of members) worst = worseOf(worst, series, isUp, afterUnixMs);
  return worst;
}

/** Of two for one instant the worse one, of two that are as bad the first. May change `known`. */
function worseOf(known: Columns, other: Points, isUp: boolean, afterUnixMs: number): Columns {
  const from = upperBound(other.atUnixMs, afterUnixMs);
  if (known.atUnixMs.length === 0) return columnsFrom(other, from);
  const isWorse = (i: number, at: number): boolean =>
    isUp ? other.value[i]! > known.value[at]! : other.value[i]! < known.value[at]!;
  // Rows of one report are of one instant: nearly always nothing is to be put in between.
  if (haveSameTimes(known, other, from)) {
    for (let at = 0; at < known.atUnixMs.length; at++) {
      if (!isWorse(from + at, at)) continue;
      known.value[at] = other.value[from + at]!;
      known.weight[at] = other.weight[from + at]!;
    }
    return known;
  }
  const merged: Columns = { atUnixMs: [], value: [], weight: [] };
  let at = 0;
  let i = from;
  while (at < known.atUnixMs.length || i < other.atUnixMs.length) {
    const ownMs = known.atUnixMs[at] ?? Number.POSITIVE_INFINITY;
    const otherMs = other.atUnixMs[i] ?? Number.POSITIVE_INFINITY;
    if (otherMs < ownMs || (otherMs === ownMs && isWorse(i, at))) push(merged, other, i);
    else push(merged, known, at);
    if (ownMs <= otherMs) at++;
    if (otherMs <= ownMs) i++;
  }
  return merged;
}

function columnsFrom({ atUnixMs, value, weight }: Points, from: number): Columns {
  return {
    atUnixMs: atUnixMs.slice(from),
    value: value.slice(from),
    weight: weight.slice(from),
  };
}

function haveSameTimes(known: Points, other: Points, from: number): boolean {
  const { length } = known.atUnixMs;
  if (other.atUnixMs.length - from !== length) return false;
  for (let at = 0; at < length; at++) {
    if (known.atUnixMs[at] !== other.atUnixMs[from + at]) return false;
  }
  return true;
}

function push(to: Columns, { atUnixMs, value, weight }: Points, i: number): void {
  to.atUnixMs.push(atUnixMs[i]!);
  to.value.push(value[i]!);
  to.weight.push(weight[i]!);
}
