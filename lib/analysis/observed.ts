/**
 * When a worker's events are there, and when its domains had work.
 *
 *     step n of the domain     ├────────┤           in flight: first start to last end of anybody
 *     step n + 1                            ├─────┤
 *     observed (has n, n + 1)  ████████████████████ the pause between belongs to it, up to 10 s
 *     active                   ██████████···███████
 */
import { type Intervals, intersect } from '#lib/base/intervals.ts';
import { type Assembled, NO_DATA_GAP_NS } from '#lib/model/assembled.ts';
import { IntervalCollector } from './interval-collector.ts';

export interface WorkerPresence {
  readonly observed: Intervals;
  /** The observed time in which some step of the worker's domains was in flight. */
  readonly active: Intervals;
}

/** One entry a worker, not clipped to any window. */
export function presenceOf(assembled: Assembled): WorkerPresence[] {
  const { events, endNs, offsets, steps, stepOf } = assembled;
  const inFlight = inFlightByDomain(assembled);
  const lastSeenBy = new Int32Array(steps.length).fill(-1);
  const collector = new IntervalCollector();
  return events.workers.map((_, w) => {
    const own: number[] = [];
    for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
      const step = stepOf[row]!;
      if (step < 0) {
        collector.add(events.startNs[row]!, endNs[row]!);
      } else if (lastSeenBy[step] !== w) {
        lastSeenBy[step] = w;
        own.push(step);
      }
    }
    const domains = new Set<number>();
    for (const step of own) {
      domains.add(steps.domain[step]!);
      collector.add(steps.startNs[step]!, steps.endNs[step]!);
      const next = steps.next[step]!;
      if (next < 0 || lastSeenBy[next] !== w) continue;
      const pauseNs = steps.startNs[next]! - steps.endNs[step]!;
      if (pauseNs <= NO_DATA_GAP_NS) collector.add(steps.endNs[step]!, steps.startNs[next]!);
    }
    const observed = collector.take();
    for (const domain of domains) {
      const set = inFlight.get(domain)!;
      for (let i = 0; i < set.length; i += 2) collector.add(set[i]!, set[i + 1]!);
    }
    return { observed, active: intersect(observed, collector.take()) };
  });
}

function inFlightByDomain(assembled: Assembled): Map<number, Intervals> {
  const { steps } = assembled;
  const byDomain = new Map<number, Intervals>();
  const collector = new IntervalCollector();
  for (let step = 0; step < steps.length; step++) {
    collector.add(steps.startNs[step]!, steps.endNs[step]!);
    if (step + 1 === steps.length || steps.domain[step + 1] !== steps.domain[step]) {
      byDomain.set(steps.domain[step]!, collector.take());
    }
  }
  return byDomain;
}
