'use client';

import { TriangleAlertIcon } from 'lucide-react';
import { useEffect } from 'react';
import { fetchTimelineFlow } from '#lib/api/timeline-client.ts';
import type { TimelineFlow } from '#lib/api/timeline-flow.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { flowKeyOf, flowText, flowWindow } from '#lib/view/timeline-flow-view.ts';
import { useDashboard } from '../dashboard.tsx';
import type { Answer } from '../use-question.ts';
import { PanelProblem } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useAsk } from './use-ask.ts';

/** Draws the flow of the chosen event while flows are followed. */
export function FlowLayer() {
  const store = useTimelineStore();
  const flow = useFlow()?.data ?? null;
  useEffect(() => {
    store.setLayers({ flow });
  }, [store, flow]);
  return null;
}

/** null: none is followed, or what is chosen has none. */
function useFlow(): Answer<TimelineFlow> | null {
  const { deployment } = useDashboard();
  const { isFollowing } = usePanels();
  const event = useTimelinePart(({ selection }) =>
    selection?.kind === 'event' ? selection.event : null,
  );
  const key = event === null ? null : flowKeyOf(event);
  const isAsked = isFollowing && key !== null && deployment !== null;
  const at = String(event?.startUnixNs ?? '');
  const answer = useAsk(
    isAsked
      ? ['timeline-flow', deployment, key.domain, key.step, key.layer, key.microbatch, at]
      : null,
    (options) =>
      key === null || deployment === null
        ? Promise.reject(new Error('no key'))
        : fetchTimelineFlow(deployment, { ...key, at }, options),
  );
  return isAsked ? answer : null;
}

/** The flow in words, and what is missing of it. */
export function FlowLine() {
  const { isFollowing } = usePanels();
  const store = useTimelineStore();
  const answer = useFlow();
  if (!isFollowing) return null;
  if (answer === null) {
    return (
      <p role="status" className="mt-2 text-small text-muted">
        No flow: only events of a layer and a micro-batch have one.
      </p>
    );
  }
  if (answer.problem !== null) {
    return <PanelProblem problem={answer.problem} onRetry={answer.retry} />;
  }
  const flow = answer.data;
  if (flow === undefined)
    return <p className="mt-2 text-small text-muted">Looking for its flow…</p>;
  const window = flowWindow(flow);
  return (
    <section className="mt-2 border-t border-line pt-1.5 text-small" aria-label="Flow">
      <h4 className="text-muted">Flow</h4>
      <p data-testid="flow-text" role="status">
        {flowText(flow)}
        {window !== null &&
          `, ${figureText(durationFigure(Number(window.endUnixNs - window.startUnixNs)))}`}
        {window !== null && (
          <button
            type="button"
            className="ml-2 text-accent underline"
            onClick={() => store.showWindow(window.startUnixNs, window.endUnixNs)}
          >
            show all
          </button>
        )}
      </p>
      {flow.missing.map((text) => (
        <p key={text} className="flex gap-1 text-warning">
          <TriangleAlertIcon size={13} className="mt-0.5 shrink-0" aria-hidden /> {text}
        </p>
      ))}
    </section>
  );
}
