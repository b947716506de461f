'use client';

import type { CSSProperties } from 'react';
import { fetchTimelineFlow } from '#lib/api/timeline-client.ts';
import { causeColour, causeLook } from '#lib/view/cause-look.ts';
import { durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import type { WaitAnswer, WaitPart } from '#lib/view/timeline-details.ts';
import { culpritEvent, flowKeyOf } from '#lib/view/timeline-flow-view.ts';
import type { TimelineEvent } from '#lib/view/timeline-selection.ts';
import { Fig, TermName } from '../figure.tsx';
import { useTheme } from '../root-setting.ts';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useAsk } from './use-ask.ts';

/** What a wait waited for, by cause and culprit; a culprit leads to its event. */
export function WaitList({
  deployment,
  event,
  waits,
}: {
  readonly deployment: string;
  readonly event: TimelineEvent;
  readonly waits: WaitAnswer;
}) {
  const hiddenRatio = event.durationNs > 0 ? waits.hiddenNs / event.durationNs : 0;
  return (
    <section className="mt-2 border-t border-line pt-1.5 text-small" aria-label="Waited for">
      <h4 className="text-muted">Waited for</h4>
      <ul data-testid="wait-list">
        {waits.parts.map((part) => (
          <WaitRow
            key={`${part.cause} ${part.culpritId}`}
            part={part}
            deployment={deployment}
            event={event}
          />
        ))}
        {waits.hiddenNs > 0 && (
          <li className="py-0.5 text-muted">
            {figureText(durationFigure(waits.hiddenNs))} ({ratioFigure(hiddenRatio).value} %) cost
            nothing: the worker computed meanwhile.
          </li>
        )}
      </ul>
    </section>
  );
}

function WaitRow({
  part,
  deployment,
  event,
}: {
  readonly part: WaitPart;
  readonly deployment: string;
  readonly event: TimelineEvent;
}) {
  const store = useTimelineStore();
  const theme = useTheme();
  const role = useTimelinePart(
    ({ info }) => info.workers.find(({ workerId }) => workerId === event.workerId)?.role ?? '',
  );
  const look = causeLook(part.cause);
  const culprit = useCulprit(deployment, event, part);
  const hatch = { '--hatch': causeColour(part.cause, role, theme) } as CSSProperties;
  return (
    <li className="py-0.5">
      <div className="flex items-baseline gap-1.5">
        <span aria-hidden="true" className="hatched size-2.5 border border-line" style={hatch} />
        <TermName term={look.term}>{look.label}</TermName>
        <span className="ml-auto whitespace-nowrap">
          <Fig figure={durationFigure(part.ns)} />{' '}
          <span className="unit">{ratioFigure(part.ratio).value} %</span>
        </span>
      </div>
      {part.culpritId !== null && (
        <div className="pl-4 text-muted">
          because of{' '}
          {culprit === null ? (
            part.culpritId
          ) : (
            <button
              type="button"
              className="text-accent underline"
              title={`Selects its ${culprit.stage}`}
              onClick={() => store.focusOn({ kind: 'event', event: culprit })}
            >
              {part.culpritId}: {culprit.stage}
            </button>
          )}
        </div>
      )}
    </li>
  );
}

/** The culprit's event of the same micro-batch and layer. */
function useCulprit(
  deployment: string,
  event: TimelineEvent,
  { culpritId, cause }: WaitPart,
): TimelineEvent | null {
  const key = flowKeyOf(event);
  const at = String(event.startUnixNs);
  const flow = useAsk(
    key === null || culpritId === null
      ? null
      : ['timeline-flow', deployment, key.domain, key.step, key.layer, key.microbatch, at],
    (options) =>
      key === null
        ? Promise.reject(new Error('no key'))
        : fetchTimelineFlow(deployment, { ...key, at }, options),
  );
  return flow.data === undefined || culpritId === null
    ? null
    : culpritEvent(flow.data, culpritId, cause);
}
