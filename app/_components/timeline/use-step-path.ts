'use client';

/** The critical path of one step: asked once, whoever wants it. */
import { fetchCriticalPath } from '#lib/api/client.ts';
import type { CriticalPath } from '#lib/api/critical-path.ts';
import type { TimelineStepChoice } from '#lib/view/timeline-selection.ts';
import type { Answer } from '../use-question.ts';
import { useAsk } from './use-ask.ts';

/** `step` null: nothing is asked. */
export function useStepPath(
  deployment: string,
  step: TimelineStepChoice | null,
): Answer<CriticalPath['step']> {
  return useAsk(
    step === null
      ? null
      : ['timeline-path', deployment, step.domain, step.step, String(step.startUnixNs)],
    async (options) => {
      if (step === null) return null;
      const question = {
        from: String(step.startUnixNs),
        to: String(step.startUnixNs + BigInt(Math.ceil(step.durationNs)) + 1n),
        step: step.step,
        domain: step.domain,
      };
      return (await fetchCriticalPath(deployment, question, options)).step;
    },
  );
}
