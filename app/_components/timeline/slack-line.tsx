'use client';

import { useState } from 'react';
import { durationFigure } from '#lib/view/format.ts';
import { slackOf } from '#lib/view/timeline-details.ts';
import type { TimelineEvent, TimelineStepChoice } from '#lib/view/timeline-selection.ts';
import { Fig, TermName } from '../figure.tsx';
import { Line } from './panel-parts.tsx';
import { useStepPath } from './use-step-path.ts';

/** How much later the event could have ended; asked for on demand, because it takes the whole step. */
export function SlackLine({
  deployment,
  event,
  step,
}: {
  readonly deployment: string;
  readonly event: TimelineEvent;
  readonly step: TimelineStepChoice | null;
}) {
  // Once somebody asked, it is asked for the events that follow too.
  const [isAsked, setAsked] = useState(false);
  const answer = useStepPath(deployment, isAsked ? step : null);
  if (step === null) return null;
  return (
    <Line name={<TermName term="timelineSlack" />}>
      {!isAsked && (
        <button type="button" className="text-accent underline" onClick={() => setAsked(true)}>
          work it out
        </button>
      )}
      {isAsked && answer.problem !== null && (
        <span className="text-warning">{answer.problem.detail}</span>
      )}
      {isAsked && answer.problem === null && answer.data === undefined && (
        <span className="text-muted">working it out…</span>
      )}
      {answer.data !== undefined && (
        <SlackValue slackNs={answer.data === null ? null : slackOf(answer.data, event)} />
      )}
    </Line>
  );
}

function SlackValue({ slackNs }: { readonly slackNs: number | null }) {
  if (slackNs === null) return <span className="text-muted">not known of this event</span>;
  if (slackNs === 0) return <strong>none: on the critical path</strong>;
  return <Fig figure={durationFigure(slackNs)} term="timelineSlack" />;
}
