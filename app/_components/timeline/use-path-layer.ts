'use client';

/** The critical path of the step that is looked at, drawn while its overlay is on. */
import { useEffect } from 'react';
import { useDashboard } from '../dashboard.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useCurrentStep } from './use-current-step.ts';
import { useStepPath } from './use-step-path.ts';

/** Longer steps than this are hangs: a path of one takes more than it tells. */
const MAX_STEP_NS = 60e9;

export function PathLayer() {
  const store = useTimelineStore();
  const { deployment } = useDashboard();
  const isOn = useTimelinePart((state) => state.overlays.path);
  const step = useCurrentStep();
  const isAsked = isOn && deployment !== null && step !== null && step.durationNs <= MAX_STEP_NS;
  const answer = useStepPath(deployment ?? '', isAsked ? step : null);
  const path = answer.data ?? null;
  useEffect(() => {
    store.setLayers({ path: isOn ? path : null });
  }, [store, path, isOn]);
  return null;
}
