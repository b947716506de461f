'use client';

/** Walks from event to event by keyboard, and says where it is. */
import { type RefObject, useCallback, useEffect, useState } from 'react';
import { TIMELINE_STREAMS } from '#lib/api/timeline-tile.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import type { TimelineEvent } from '#lib/view/timeline-selection.ts';
import { extentOf } from '#lib/view/timeline-viewport.ts';
import { eventBeside, eventNear, spokenEvent } from '#lib/view/timeline-walk.ts';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import type { TimelinePicture } from './timeline-picture.ts';

export type FocusMove = 'next' | 'previous' | 'up' | 'down';

export function useEventFocus(
  picture: TimelinePicture | null,
  scroller: RefObject<HTMLElement | null>,
): { readonly move: (to: FocusMove) => void; readonly announcement: string } {
  const store = useTimelineStore();
  const selection = useTimelinePart((state) => state.selection);
  const workers = useTimelinePart((state) => state.info.workers);
  const [note, setNote] = useState('');

  const focus = useCallback(
    (event: TimelineEvent | null) => {
      setNote(event === null ? 'No event there in the picture. Move on, or zoom in.' : '');
      if (event !== null) store.focusOn({ kind: 'event', event });
    },
    [store],
  );

  const move = useCallback(
    (to: FocusMove) => {
      if (picture === null) return;
      const { selection: chosen } = store.state();
      const event = chosen?.kind === 'event' ? chosen.event : null;
      if (event === null) {
        const { fromUnixNs, toUnixNs } = extentOf(store.view);
        focus(firstNear(picture, (fromUnixNs + toUnixNs) / 2n));
        return;
      }
      const stream = TIMELINE_STREAMS.indexOf(event.stream);
      const worker = picture.indexOf(event.workerId);
      if (worker === undefined) return;
      if (to === 'next' || to === 'previous') {
        focus(eventBeside(picture.pieces, worker, stream, event.startUnixNs, to));
        return;
      }
      const beside = picture.workerBeside(event.workerId, to === 'up' ? -1 : 1);
      const other = beside === null ? undefined : picture.indexOf(beside);
      if (other === undefined) focus(null);
      else {
        const own = eventNear(picture.pieces, other, stream, event.startUnixNs);
        focus(own ?? eventNear(picture.pieces, other, 0, event.startUnixNs));
      }
    },
    [picture, store, focus],
  );

  // What is chosen, here or by a panel, must be in the window.
  const workerId = selection?.kind === 'event' ? selection.event.workerId : null;
  useEffect(() => {
    const row = workerId === null ? null : (picture?.rowOf(workerId) ?? null);
    const element = scroller.current;
    if (row === null || element === null || workers.length === 0) return;
    if (row.topPx < element.scrollTop) element.scrollTop = row.topPx;
    else if (row.topPx + row.heightPx > element.scrollTop + element.clientHeight) {
      element.scrollTop = row.topPx + row.heightPx - element.clientHeight;
    }
  }, [workerId, picture, scroller, workers]);

  const spoken =
    selection?.kind === 'event'
      ? spokenEvent(selection.event, figureText(durationFigure(selection.event.durationNs)))
      : '';
  return { move, announcement: note === '' ? spoken : note };
}

/** Of the topmost worker that has one: the event nearest to an instant. */
function firstNear(picture: TimelinePicture, atUnixNs: bigint): TimelineEvent | null {
  for (const workerId of picture.workersInOrder()) {
    const worker = picture.indexOf(workerId);
    if (worker === undefined) continue;
    for (let stream = 0; stream < TIMELINE_STREAMS.length; stream++) {
      const event = eventNear(picture.pieces, worker, stream, atUnixNs);
      if (event !== null) return event;
    }
  }
  return null;
}
