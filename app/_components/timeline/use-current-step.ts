'use client';

/** The step that is looked at, and the way to its neighbours. */
import { useQueryClient } from '@tanstack/react-query';
import { useEffect } from 'react';
import { fetchTimelineStepBeside } from '#lib/api/timeline-client.ts';
import type { TimelineStepChoice } from '#lib/view/timeline-selection.ts';
import { stepChoice } from '#lib/view/timeline-steps-view.ts';
import { endOf, type TimelineViewport, xToTime } from '#lib/view/timeline-viewport.ts';
import { useDashboard } from '../dashboard.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useAsk } from './use-ask.ts';

/** The chosen step, else the last that began before the middle of the view; null: there is none. */
export function useCurrentStep(): TimelineStepChoice | null {
  const { deployment } = useDashboard();
  const chosen = useTimelinePart(({ selection }) =>
    selection?.kind === 'step' ? selection.step : null,
  );
  const isTail = useTimelinePart((state) => state.isTail);
  const viewport = useTimelinePart((state) => state.viewport);
  // The picture comes first.
  const hasPicture = useTimelinePart(({ info }) => info.detail !== null || info.problem !== null);
  const isAsked = deployment !== null && chosen === null && !isTail && hasPicture;
  const at = String(middleOf(viewport));
  const answer = useAsk(
    isAsked ? ['timeline-step-at', deployment, at] : null,
    async (options) => {
      const question = { at, direction: 'previous' as const };
      const { steps } = await fetchTimelineStepBeside(deployment ?? '', question, options);
      return steps[0] === undefined ? null : stepChoice(steps[0]);
    },
    { keepsOld: true },
  );
  return chosen ?? answer.data ?? null;
}

/** Answers `[` and `]`: the step before or after the chosen one, else the middle of the view. */
export function StepKeys() {
  const store = useTimelineStore();
  const client = useQueryClient();
  const { deployment } = useDashboard();
  useEffect(() => {
    if (deployment === null) return;
    let newest = 0;
    const go = async (direction: 'next' | 'previous') => {
      const asked = ++newest;
      const { selection } = store.state();
      const chosen = selection?.kind === 'step' ? selection.step : null;
      const question = {
        at: String(chosen?.startUnixNs ?? middleOf(store.view)),
        direction,
        ...(chosen === null ? {} : { domain: chosen.domain }),
      };
      const { steps } = await client.fetchQuery({
        queryKey: ['timeline-step-beside', deployment, question],
        queryFn: ({ signal }) => fetchTimelineStepBeside(deployment, question, { signal }),
      });
      // A key that is held down asks faster than answers come: only the newest moves the view.
      if (asked !== newest || steps[0] === undefined) return;
      const step = stepChoice(steps[0]);
      store.select({ kind: 'step', step });
      const end = endOf(step.startUnixNs, step.durationNs);
      store.showWindow(step.startUnixNs, end);
    };
    store.setStepper((direction) => {
      // A step that cannot be had leaves the picture where it is; the Steps panel tells why.
      go(direction).catch(() => {});
    });
    return () => store.setStepper(null);
  }, [store, client, deployment]);
  return null;
}

function middleOf(view: TimelineViewport): bigint {
  const middle = xToTime(view, 1, 2) + 1n;
  return middle < 0n ? 0n : middle;
}
