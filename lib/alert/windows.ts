/** Values of windows of samples: what is compared. */
import type { AlertRule } from '#lib/api/alert-rules.ts';
import { upperBound } from '#lib/base/bisect.ts';
import type { Points } from './series.ts';

/** Of the samples in (endUnixMs - windowMs, endUnixMs]; null: there is none. */
export function windowValue(
  points: Points,
  endUnixMs: number,
  windowMs: number,
  aggregate: AlertRule['aggregate'],
): number | null {
  const { atUnixMs, value, weight } = points;
  const from = upperBound(atUnixMs, endUnixMs - windowMs);
  const to = upperBound(atUnixMs, endUnixMs);
  if (from >= to) return null;
  if (aggregate === 'last') return value[to - 1]!;
  if (aggregate === 'mean') {
    let sum = 0;
    let weights = 0;
    for (let i = from; i < to; i++) {
      sum += value[i]! * weight[i]!;
      weights += weight[i]!;
    }
    return sum / weights;
  }
  let extreme = value[from]!;
  for (let i = from + 1; i < to; i++) {
    extreme = aggregate === 'max' ? Math.max(extreme, value[i]!) : Math.min(extreme, value[i]!);
  }
  return extreme;
}
