'use client';

/**
 * The timeline's keyboard. Letters work on the whole page, arrows in the picture: a panel's list has
 * arrows of its own.
 */
import { type RefObject, useEffect } from 'react';
import { SEQUENCE_MS } from '#lib/view/shortcuts.ts';
import { TIMELINE_OVERLAYS } from '#lib/view/timeline-selection.ts';
import { hasOpenLayer, isTyping } from '../is-typing.ts';
import { useTimelineStore } from './timeline-context.tsx';
import type { TimelineStore } from './timeline-store.ts';
import type { FocusMove } from './use-event-focus.ts';

const PAN_SHARE = 0.15;
const ZOOM = 0.7;
const SCROLL_PX = 60;

export function useTimelineKeys(
  scroller: RefObject<HTMLElement | null>,
  moveFocus: (to: FocusMove) => void,
): void {
  const store = useTimelineStore();
  useEffect(() => {
    // `g` begins a sequence that goes to another page: its second letter is not ours.
    let sequenceMs = Number.NEGATIVE_INFINITY;
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.defaultPrevented) return;
      if (isTyping(event.target) || hasOpenLayer()) return;
      if (event.timeStamp - sequenceMs < SEQUENCE_MS) {
        sequenceMs = Number.NEGATIVE_INFINITY;
        return;
      }
      if (event.key === 'g') {
        sequenceMs = event.timeStamp;
        return;
      }
      const isInPicture =
        event.target === document.body ||
        (event.target instanceof Node && scroller.current?.contains(event.target) === true);
      const isDone =
        (isInPicture && actOnArrow(event, store, scroller.current, moveFocus)) ||
        actOnKey(event.key, store);
      if (!isDone) return;
      event.preventDefault();
      event.stopPropagation();
    };
    window.addEventListener('keydown', onKeyDown, { capture: true });
    return () => window.removeEventListener('keydown', onKeyDown, { capture: true });
  }, [store, scroller, moveFocus]);
}

const FOCUS_KEYS: Readonly<Record<string, FocusMove>> = {
  ArrowLeft: 'previous',
  ArrowRight: 'next',
  ArrowUp: 'up',
  ArrowDown: 'down',
};

function actOnArrow(
  event: KeyboardEvent,
  store: TimelineStore,
  scroller: HTMLElement | null,
  moveFocus: (to: FocusMove) => void,
): boolean {
  const to = FOCUS_KEYS[event.key];
  if (to === undefined) return false;
  if (event.shiftKey || event.altKey) moveFocus(to);
  else if (to === 'previous') store.panBy(-PAN_SHARE);
  else if (to === 'next') store.panBy(PAN_SHARE);
  else scroller?.scrollBy({ top: to === 'up' ? -SCROLL_PX : SCROLL_PX });
  return true;
}

function actOnKey(key: string, store: TimelineStore): boolean {
  switch (key) {
    case 'w':
    case '+':
      store.zoomBy(ZOOM);
      return true;
    case 's':
    case '-':
      store.zoomBy(1 / ZOOM);
      return true;
    case 'a':
      store.panBy(-PAN_SHARE);
      return true;
    case 'd':
      store.panBy(PAN_SHARE);
      return true;
    case 'f':
      store.fitSelection();
      return true;
    case '0':
      store.fitAll();
      return true;
    case 'l':
      store.setTail(!store.state().isTail);
      return true;
    case 'r':
      store.setMeasuring(!store.state().isMeasuring);
      return true;
    case 'h':
      store.setDim(!store.state().isDim);
      return true;
    case '[':
      store.step('previous');
      return true;
    case ']':
      store.step('next');
      return true;
    case 'Escape':
      return letGo(store);
    default: {
      const overlay = TIMELINE_OVERLAYS.find((entry) => entry.key === key);
      if (overlay !== undefined) store.toggleOverlay(overlay.name);
      return overlay !== undefined;
    }
  }
}

/** Ends what is newest: measuring, the ruler, then the choice. */
function letGo(store: TimelineStore): boolean {
  const { isMeasuring, ruler, selection } = store.state();
  if (isMeasuring) store.setMeasuring(false);
  else if (ruler !== null) store.setRuler(null);
  else if (selection !== null) store.select(null);
  else return false;
  return true;
}
