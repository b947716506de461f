/**
 * When a worker's events are there, and when its domains had work.
 *
 *     step n of the domain     ├────────┤           in flight: first start to last end of anybody
 *     step n + 1                            ├─────┤
 *     observed (has n, n + 1)  ████████████████████ the pause between belongs to it, up to 10 s
 *     active                   ██████████···███████
 */
import { type Intervals, intersect, NO_INTERVALS } from '#lib/base/intervals.ts';
import { type Assembled, NO_DATA_GAP_NS } from '#lib/model/assembled.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { IntervalCollector } from './interval-collector.ts';

export interface WorkerPresence {
  readonly observed: Intervals;
  /** The observed time in which some step of the worker's domains was in flight. */
  readonly active: Intervals;
}

/** Domains of the steps that each worker has events of, by worker id. */
export type WorkerDomains = ReadonlyMap<string, ReadonlySet<number>>;

export function domainsOfWorkers({ events, steps, workerSteps }: Assembled): WorkerDomains {
  return new Map(
    events.workers.map((worker, w) => {
      const own = workerSteps.step.subarray(workerSteps.offsets[w], workerSteps.offsets[w + 1]);
      const domains = new Set<number>();
      for (let i = 0; i < own.length; i++) domains.add(steps.domain[own[i]!]!);
      return [workerId(worker), domains];
    }),
  );
}

/** One entry a worker, not clipped to any window. `known`: domains over a larger window. */
export function presenceOf(
  assembled: Assembled,
  known: WorkerDomains = domainsOfWorkers(assembled),
): WorkerPresence[] {
  const { events, steps, workerSteps } = assembled;
  const inFlight = inFlightByDomain(assembled);
  const seenBy = new Int32Array(steps.length).fill(-1);
  const collector = new IntervalCollector();
  return events.workers.map((worker, w) => {
    addStepless(assembled, w, collector);
    const own = workerSteps.step.subarray(workerSteps.offsets[w], workerSteps.offsets[w + 1]);
    for (let i = 0; i < own.length; i++) seenBy[own[i]!] = w;
    for (let i = 0; i < own.length; i++) {
      const step = own[i]!;
      collector.add(steps.startNs[step]!, steps.endNs[step]!);
      const next = steps.next[step]!;
      if (next < 0 || seenBy[next] !== w) continue;
      const pauseNs = steps.startNs[next]! - steps.endNs[step]!;
      if (pauseNs <= NO_DATA_GAP_NS) collector.add(steps.endNs[step]!, steps.startNs[next]!);
    }
    const observed = collector.take();
    for (const domain of known.get(workerId(worker)) ?? []) {
      const set = inFlight.get(domain) ?? NO_INTERVALS;
      for (let i = 0; i < set.length; i += 2) collector.add(set[i]!, set[i + 1]!);
    }
    return { observed, active: intersect(observed, collector.take()) };
  });
}

function addStepless(assembled: Assembled, w: number, collector: IntervalCollector): void {
  const { events, endNs, offsets, stepOf } = assembled;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (stepOf[row]! < 0) collector.add(events.startNs[row]!, endNs[row]!);
  }
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
