/** The path of a simulated step, as the simulation itself says: from binding to binding. */
import type { EventDependencies } from '#lib/pipeline/dependency-recorder.ts';
import { Kind, STAGES } from '#lib/table/codes.ts';
import type { EventRow } from '#lib/table/event-table-builder.ts';

export interface TrueSegment {
  readonly startNs: number;
  readonly endNs: number;
  /** Index of the simulation's worker. */
  readonly worker: number;
  readonly stage: string;
  readonly layer: number;
  readonly microbatch: number;
}

const endOf = (event: EventRow) => event.startNs + event.durationNs;

/**
 * Segments from the step's last end back to its first start. Receives have none: they end with the
 * send that binds them.
 */
export function truePath(
  all: readonly EventDependencies[],
  domain: number,
  step: number,
): TrueSegment[] {
  const own = all.flatMap(({ event }, number) =>
    event.domain === domain && event.step === step ? [number] : [],
  );
  const fromNs = Math.min(...own.map((number) => all[number]!.event.startNs));
  const lastNs = Math.max(...own.map((number) => endOf(all[number]!.event)));
  const lasts = own.filter((number) => endOf(all[number]!.event) === lastNs);
  // A receive ends when its send does: the event that is no receive, of the first worker.
  const rank = (number: number) =>
    (all[number]!.event.kind === Kind.receive ? 1e6 : 0) + all[number]!.event.worker;
  let at = lasts.sort((a, b) => rank(a) - rank(b))[0]!;
  const path: TrueSegment[] = [];
  let reachedNs = lastNs;
  while (at >= 0 && reachedNs > fromNs) {
    const { event, binding } = all[at]!;
    if (event.kind !== Kind.receive) {
      const startNs = Math.max(fromNs, event.startNs);
      path.push({
        startNs,
        endNs: reachedNs,
        worker: event.worker,
        stage: STAGES[event.stage]!,
        layer: event.layer ?? -1,
        microbatch: event.microbatch ?? -1,
      });
      reachedNs = startNs;
    }
    at = binding;
  }
  return path;
}
