/** The step that an event belongs to, by steps that start before it. */
import type { TimelineStep } from '#lib/api/timeline-steps.ts';
import type { TimelineEvent, TimelineStepChoice } from './timeline-selection.ts';
import { stepChoice } from './timeline-steps-view.ts';

/** Steps of a domain overlap a little; more than this are not in flight at once. */
const MAX_STEPS_BACK = 6;

/**
 * `previous` gives the step of a domain that starts before an instant. null: the event has no step,
 * or its step cannot be found.
 */
export async function stepOfEvent(
  previous: (at: bigint, domain: number) => Promise<TimelineStep | null>,
  event: TimelineEvent,
): Promise<TimelineStepChoice | null> {
  if (event.step < 0) return null;
  let at = event.startUnixNs + 1n;
  for (let back = 0; back < MAX_STEPS_BACK; back++) {
    const step = await previous(at, Math.max(0, event.domain));
    if (step === null) return null;
    if (step.step === event.step) return stepChoice(step);
    at = BigInt(step.startUnixNs);
  }
  return null;
}
