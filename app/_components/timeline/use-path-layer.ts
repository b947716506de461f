'use client';

/** The critical path of the step that is looked at, drawn while its overlay is on. */
import { useEffect } from 'react';
import { fetchCriticalPath } from '#lib/api/client.ts';
import { useDashboard } from '../dashboard.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useAsk } from './use-ask.ts';
import { useCurrentStep } from './use-current-step.ts';

/** Longer steps than this are hangs: a path of one takes more than it tells. */
const MAX_STEP_NS = 60e9;

export function PathLayer() {
  const store = useTimelineStore();
  const { deployment } = useDashboard();
  const isOn = useTimelinePart((state) => state.overlays.path);
  const step = useCurrentStep();
  const isAsked = isOn && deployment !== null && step !== null && step.durationNs <= MAX_STEP_NS;
  const answer = useAsk(
    isAsked
      ? ['timeline-path', deployment, step.domain, step.step, String(step.startUnixNs)]
      : null,
    async (options) => {
      if (step === null) return null;
      const question = {
        from: String(step.startUnixNs),
        to: String(step.startUnixNs + BigInt(Math.ceil(step.durationNs)) + 1n),
        step: step.step,
        domain: step.domain,
      };
      return (await fetchCriticalPath(deployment ?? '', question, options)).step;
    },
  );
  const path = answer.data ?? null;
  useEffect(() => {
    store.setLayers({ path: isOn ? path : null });
  }, [store, path, isOn]);
  return null;
}
