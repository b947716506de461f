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
  const from = upperBound(looks, newest - spanMs);
  const atUnixMs = looks.slice(from);
  const value = atUnixMs.map(() => 0);
  const worse = isUp ? Math.max : Math.min;
  const seen = new Uint32Array(atUnixMs.length);
  for (const series of members) {
    for (let i = lowerBound(series.atUnixMs, newest - spanMs); i < series.atUnixMs.length; i++) {
      const at = lowerBound(atUnixMs, series.atUnixMs[i]!);
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

function worstAt(members: readonly Series[], isUp: boolean, afterUnixMs: number): Points {
  const rows = new Map<number, { value: number; weight: number }>();
  for (const { atUnixMs, value, weight } of members) {
    for (let i = upperBound(atUnixMs, afterUnixMs); i < atUnixMs.length; i++) {
      const known = rows.get(atUnixMs[i]!);
      const isWorse =
        known === undefined || (isUp ? value[i]! > known.value : value[i]! < known.value);
      if (isWorse) rows.set(atUnixMs[i]!, { value: value[i]!, weight: weight[i]! });
    }
  }
  const sorted = [...rows].sort(([a], [b]) => a - b);
  return {
    atUnixMs: sorted.map(([at]) => at),
    value: sorted.map(([, row]) => row.value),
    weight: sorted.map(([, row]) => row.weight),
  };
}
