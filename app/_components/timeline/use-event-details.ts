'use client';

import {
  fetchTimelineStepBeside,
  fetchTimelineTile,
  type TimelineTile,
} from '#lib/api/timeline-client.ts';
/** What the API knows of one event: the event as stored, what it waited for, its step. */
import type { TimelineRow } from '#lib/api/timeline-tile.ts';
import { eventAt, findEvent, type WaitAnswer, waitParts } from '#lib/view/timeline-details.ts';
import type { TimelineEvent, TimelineStepChoice } from '#lib/view/timeline-selection.ts';
import { stepOfEvent } from '#lib/view/timeline-step-of.ts';
import { endOf } from '#lib/view/timeline-viewport.ts';
import type { Answer } from '../use-question.ts';
import { useAsk } from './use-ask.ts';

export interface EventDetails {
  readonly event: TimelineEvent;
  readonly worker: TimelineRow;
  /** null: the event is no wait. */
  readonly waits: WaitAnswer | null;
  readonly aligned: boolean;
}

/** Enough for the events of one wait on all workers. */
const ROOM = 4_000;

/** null: it is not there any longer, or only sums are kept of its time. */
export function useEventDetails(
  deployment: string,
  event: TimelineEvent,
): Answer<EventDetails | null> {
  const from = String(event.startUnixNs);
  const to = String(endOf(event.startUnixNs, event.durationNs));
  return useAsk(
    ['timeline-event', deployment, event.workerId, event.stage, event.kind, from, to],
    async (options) => {
      const everybody = await fetchTimelineTile(deployment, { from, to, bins: ROOM }, options);
      const found = detailsIn(everybody, event);
      if (found !== null || everybody.detail === 'events') return found;
      const own = { from, to, bins: ROOM, workers: [event.workerId] };
      return detailsIn(await fetchTimelineTile(deployment, own, options), event);
    },
  );
}

function detailsIn(tile: TimelineTile, wanted: TimelineEvent): EventDetails | null {
  if (tile.detail === 'bins') return null;
  const index = findEvent(tile, wanted);
  if (index < 0) return null;
  const event = eventAt(tile, index);
  return {
    event,
    worker: tile.header.rows[tile.columns.row[index]!]!,
    waits: event.kind === 'wait' ? waitParts(tile, event) : null,
    aligned: tile.header.aligned,
  };
}

/** null: the event has no step that is known. */
export function useEventStep(
  deployment: string,
  event: TimelineEvent | null,
): Answer<TimelineStepChoice | null> {
  const key =
    event === null || event.step < 0
      ? null
      : ([
          'timeline-step-of',
          deployment,
          event.domain,
          event.step,
          String(event.startUnixNs),
        ] as const);
  return useAsk(key, (options) => {
    const previous = async (at: bigint, domain: number) => {
      const question = { at: String(at), direction: 'previous' as const, domain };
      const { steps } = await fetchTimelineStepBeside(deployment, question, options);
      return steps[0] ?? null;
    };
    return event === null ? Promise.resolve(null) : stepOfEvent(previous, event);
  });
}
