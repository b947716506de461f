'use client';

import {
  ArrowLeftIcon,
  ArrowRightIcon,
  MaximizeIcon,
  SquareIcon,
  StickyNoteIcon,
  WaypointsIcon,
} from 'lucide-react';
import { useEffect, useState } from 'react';
import { fetchTimelineTile } from '#lib/api/timeline-client.ts';
import type { TimelineRow } from '#lib/api/timeline-tile.ts';
import { errorText } from '#lib/base/error-text.ts';
import { bytesFigure, countFigure, durationFigure, ratioFigure } from '#lib/view/format.ts';
import { boxLook } from '#lib/view/palette.ts';
import { perSecond, stepPlace } from '#lib/view/timeline-details.ts';
import { type NeighbourDirection, neighbourEvent } from '#lib/view/timeline-neighbour.ts';
import type { TimelineEvent, TimelineStepChoice } from '#lib/view/timeline-selection.ts';
import { endOf, type TimelineExtent } from '#lib/view/timeline-viewport.ts';
import { Fig } from '../figure.tsx';
import { Swatch } from '../stacked-bar.tsx';
import { FlowLine } from './flow-line.tsx';
import { CopyLink, InstantText, Line, PanelProblem } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { SlackLine } from './slack-line.tsx';
import { useTimelineStore } from './timeline-context.tsx';
import { type EventDetails, useEventDetails, useEventStep } from './use-event-details.ts';
import { WaitList } from './wait-list.tsx';

/** One event: what it is, when, how long, what it waited for, where it leads. */
export function EventPanel({
  deployment,
  chosen,
}: {
  readonly deployment: string;
  readonly chosen: TimelineEvent;
}) {
  const details = useEventDetails(deployment, chosen);
  // What the picture knew stands until the answer is there.
  const event = details.data?.event ?? chosen;
  const step = useEventStep(deployment, event);
  useKnownEvent(chosen, details.data ?? null);
  const look = boxLook(event.stage, event.kind);
  return (
    <div data-testid="event-details" data-start={String(event.startUnixNs)}>
      <h3 className="flex items-center gap-1.5 font-semibold">
        <Swatch look={look.hatched ? 'hatched' : 'filled'} colour={look.colour} />
        {event.stage} <span className="font-normal text-muted">{event.kind}</span>
      </h3>
      <dl className="m-0 mt-1 text-small">
        <Line name="Worker">
          {event.workerId}
          {details.data?.worker.host ? (
            <span className="unit"> {details.data.worker.host}</span>
          ) : null}
        </Line>
        <Line name="Place">{placeText(event)}</Line>
        <Line name="Start">
          <InstantText unixNs={event.startUnixNs} />
        </Line>
        <Line name="Duration">
          <Fig figure={durationFigure(event.durationNs)} />{' '}
          <span className="unit">{event.durationNs.toLocaleString('en-US')} ns</span>
        </Line>
        <Amounts event={event} />
        <Line name="Peer">{peerText(event)}</Line>
        {step.data != null && <PlaceInStep event={event} step={step.data} />}
        <SlackLine deployment={deployment} event={event} step={step.data ?? null} />
        {details.data != null && (
          <ClockLine worker={details.data.worker} aligned={details.data.aligned} />
        )}
      </dl>
      {details.data?.waits != null && (
        <WaitList deployment={deployment} event={event} waits={details.data.waits} />
      )}
      <FlowLine />
      {details.problem !== null && (
        <PanelProblem problem={details.problem} onRetry={details.retry} />
      )}
      {details.data === null && (
        <p role="status" className="mt-1 text-small text-warning">
          The event itself cannot be had: it is no longer kept, or this time is too full for single
          events. What the picture knew of it is shown.
        </p>
      )}
      <Buttons deployment={deployment} event={event} step={step.data ?? null} />
    </div>
  );
}

/** A search hit tells no kind: once the event is known, it is what is chosen. */
function useKnownEvent(chosen: TimelineEvent, details: EventDetails | null): void {
  const store = useTimelineStore();
  useEffect(() => {
    const { selection } = store.state();
    const isStill = selection?.kind === 'event' && selection.event === chosen;
    if (chosen.kind === '' && details !== null && isStill) {
      store.select({ kind: 'event', event: details.event });
    }
  }, [store, chosen, details]);
}

function placeText({ domain, step, layer, microbatch }: TimelineEvent): string {
  const parts = [
    ...(step < 0 ? ['no step'] : [`step ${step.toLocaleString('en-US')}`]),
    ...(layer < 0 ? [] : [`layer ${layer}`]),
    ...(microbatch < 0 ? [] : [`micro-batch ${microbatch}`]),
    ...(domain > 0 ? [`domain ${domain}`] : []),
  ];
  return parts.join(', ');
}

function peerText({ peer, kind, stage }: TimelineEvent): string {
  if (peer >= 0) return `rank ${peer} of the other side`;
  return kind === 'compute' || !/send|recv/.test(stage) ? 'none' : 'all, or not told';
}

function Amounts({ event }: { readonly event: TimelineEvent }) {
  const { tokens, bytes, durationNs } = event;
  return (
    <>
      {tokens >= 0 && (
        <Line name="Tokens">
          {tokens.toLocaleString('en-US')}
          <Rate figure={countFigure(perSecond(tokens, durationNs), 'tokens/s')} />
        </Line>
      )}
      {bytes >= 0 && (
        <Line name="Bytes">
          <Fig figure={bytesFigure(bytes)} />
          <Rate figure={countFigure(perSecond(bytes, durationNs), 'B/s')} />
        </Line>
      )}
      {tokens < 0 && bytes < 0 && <Line name="Load">not told</Line>}
    </>
  );
}

function Rate({ figure }: { readonly figure: ReturnType<typeof countFigure> }) {
  if (figure.unit === '') return null;
  return (
    <span className="text-muted">
      {' · '}
      <Fig figure={figure} />
    </span>
  );
}

function PlaceInStep({
  event,
  step,
}: {
  readonly event: TimelineEvent;
  readonly step: TimelineStepChoice;
}) {
  const place = stepPlace(event, step);
  return (
    <Line name="In its step">
      <Fig figure={durationFigure(place.offsetNs)} />{' '}
      <span className="unit">
        after its start, {ratioFigure(place.offsetRatio).value} % of{' '}
        {durationFigure(step.durationNs).value} {durationFigure(step.durationNs).unit}
      </span>
      <span className="mt-0.5 block h-1.5 bg-line" aria-hidden="true">
        <span
          className="block h-full bg-accent"
          style={{
            marginLeft: `${Math.min(99, Math.max(0, place.offsetRatio * 100))}%`,
            width: `max(2px, ${Math.min(100, place.lengthRatio * 100)}%)`,
            maxWidth: `${100 - Math.min(99, Math.max(0, place.offsetRatio * 100))}%`,
          }}
        />
      </span>
    </Line>
  );
}

function ClockLine({
  worker,
  aligned,
}: {
  readonly worker: TimelineRow;
  readonly aligned: boolean;
}) {
  const { clockOffsetNs, clockErrorNs, clockDomain } = worker;
  return (
    <Line
      name="Clock"
      title={`Added to the times of clock domain ${clockDomain || '(none)'}; the true offset lies within the error`}
    >
      <Fig figure={durationFigure(clockOffsetNs)} />{' '}
      {clockErrorNs === null ? (
        <span className="unit">± not known</span>
      ) : (
        <>
          ± <Fig figure={durationFigure(clockErrorNs)} />
        </>
      )}
      {!aligned && <span className="unit"> (not moved)</span>}
    </Line>
  );
}

function Buttons({
  deployment,
  event,
  step,
}: {
  readonly deployment: string;
  readonly event: TimelineEvent;
  readonly step: TimelineStepChoice | null;
}) {
  const store = useTimelineStore();
  const { isFollowing, change, startNote } = usePanels();
  const toUnixNs = endOf(event.startUnixNs, event.durationNs);
  return (
    <div className="mt-2 flex flex-wrap gap-1">
      <button
        type="button"
        className="control"
        onClick={() => store.showWindow(event.startUnixNs, toUnixNs, 0.5)}
      >
        <MaximizeIcon size={13} aria-hidden /> Zoom to it
      </button>
      <button
        type="button"
        className="control"
        aria-pressed={isFollowing}
        title="Draws the way of its micro-batch through the layer (x)"
        onClick={() => change({ isFollowing: !isFollowing })}
      >
        <WaypointsIcon size={13} aria-hidden /> Follow flow
      </button>
      <button
        type="button"
        className="control"
        disabled={step === null}
        title="Chooses the time of its step as an area, with the figures of all workers"
        onClick={() => {
          if (step === null) return;
          const end = step.startUnixNs + BigInt(Math.ceil(step.durationNs));
          const area = { fromUnixNs: step.startUnixNs, toUnixNs: end, workers: null };
          store.select({ kind: 'area', area });
        }}
      >
        <SquareIcon size={13} aria-hidden /> Select its step
      </button>
      <SameStage deployment={deployment} event={event} />
      <button type="button" className="control" onClick={startNote} title="Add a note (n)">
        <StickyNoteIcon size={13} aria-hidden /> Add note
      </button>
      <CopyLink />
    </div>
  );
}

/** To the events of the same worker, stage and kind before and after. */
function SameStage({
  deployment,
  event,
}: {
  readonly deployment: string;
  readonly event: TimelineEvent;
}) {
  const store = useTimelineStore();
  const [told, setTold] = useState('');
  const go = async (direction: NeighbourDirection) => {
    const question = { bins: 2_000, workers: [event.workerId], stages: [event.stage] };
    const ask = ({ fromUnixNs, toUnixNs }: TimelineExtent) =>
      fetchTimelineTile(deployment, {
        ...question,
        from: String(fromUnixNs),
        to: String(toUnixNs),
      });
    try {
      const found = await neighbourEvent(ask, event, direction, store.state().bounds);
      if (found !== null) store.focusOn({ kind: 'event', event: found });
      setTold(found === null ? `No ${event.stage} of this worker is kept there.` : '');
    } catch (error) {
      setTold(errorText(error));
    }
  };
  return (
    <>
      <fieldset className="segments" aria-label={`Same stage: ${event.stage}`}>
        <button
          type="button"
          className="control"
          title={`Previous ${event.stage} of this worker`}
          aria-label="Same stage, previous"
          onClick={() => void go('previous')}
        >
          <ArrowLeftIcon size={13} aria-hidden />
        </button>
        <button
          type="button"
          className="control"
          title={`Next ${event.stage} of this worker`}
          aria-label="Same stage, next"
          onClick={() => void go('next')}
        >
          Same stage <ArrowRightIcon size={13} aria-hidden />
        </button>
      </fieldset>
      <span role="status" className="text-small text-muted empty:hidden">
        {told}
      </span>
    </>
  );
}
