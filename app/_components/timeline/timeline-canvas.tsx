'use client';

import { type RefObject, useEffect, useLayoutEffect, useMemo, useRef, useState } from 'react';
import { viewText } from '#lib/view/timeline-axis.ts';
import { rowsLayout, type TimelineWorker } from '#lib/view/timeline-rows.ts';
import { useTheme } from '../root-setting.ts';
import { AlertsLane } from './alerts-lane.tsx';
import { MarksLane } from './marks-lane.tsx';
import { AXIS_PX } from './paint-axis.ts';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { HEADER_PX, TimelineHeaders } from './timeline-headers.tsx';
import { TimelinePicture } from './timeline-picture.ts';
import { TimelineSave } from './timeline-save.tsx';
import { useEventFocus } from './use-event-focus.ts';
import { useTimelineKeys } from './use-timeline-keys.ts';
import { useTimelinePointer } from './use-timeline-pointer.ts';

/** Axis, track headers and picture: the part of the page that is drawn. */
export function TimelineCanvas({
  deployment,
  workers,
  known,
}: {
  readonly deployment: string;
  /** How many workers the deployment is said to have. */
  readonly workers: number;
  /** Workers that are known before the first tile. */
  readonly known: readonly TimelineWorker[];
}) {
  const store = useTimelineStore();
  const info = useTimelinePart((state) => state.info);
  const rows = useTimelinePart((state) => state.rows);
  const viewport = useTimelinePart((state) => state.viewport);
  const bounds = useTimelinePart((state) => state.bounds);
  const theme = useTheme();
  const scroller = useRef<HTMLDivElement>(null);
  const base = useRef<HTMLCanvasElement>(null);
  const boxes = useRef<HTMLCanvasElement>(null);
  const overlay = useRef<HTMLCanvasElement>(null);
  const axis = useRef<HTMLCanvasElement>(null);
  const corner = useRef<HTMLSpanElement>(null);
  const surface = useRef<HTMLDivElement>(null);
  const [picture, setPicture] = useState<TimelinePicture | null>(null);
  const [isPlain] = useState(
    () => new URLSearchParams(window.location.search).get('renderer') === '2d',
  );
  const size = useSize(scroller);
  const [scrollPx, setScrollPx] = useState(0);
  const layout = useMemo(() => rowsLayout(info.workers, rows), [info.workers, rows]);

  useEffect(() => {
    const canvases = { base: base.current, boxes: boxes.current, overlay: overlay.current };
    if (axis.current === null || corner.current === null || canvases.base === null) return;
    if (canvases.boxes === null || canvases.overlay === null) return;
    const { base: below, boxes: middle, overlay: above } = canvases;
    const made = new TimelinePicture(
      store,
      { base: below, boxes: middle, overlay: above, axis: axis.current, corner: corner.current },
      { deployment, workers, isPlain },
    );
    setPicture(made);
    return () => {
      setPicture(null);
      made.close();
    };
  }, [store, deployment, workers, isPlain]);

  useEffect(() => picture?.setTheme(theme), [picture, theme]);
  useEffect(() => picture?.setLayout(layout), [picture, layout]);
  useEffect(() => picture?.setScroll(scrollPx), [picture, scrollPx]);
  useEffect(() => picture?.addWorkers(known), [picture, known]);
  const widthPx = Math.max(0, size.widthPx - HEADER_PX);
  useLayoutEffect(
    () => picture?.setSize(widthPx, size.heightPx),
    [picture, widthPx, size.heightPx],
  );

  const focus = useEventFocus(picture, scroller);
  useTimelinePointer(surface, axis, scroller, picture);
  useTimelineKeys(scroller, focus.move);
  const zoneMinutes = -new Date().getTimezoneOffset();
  const wholeNs = Number(bounds.toUnixNs - bounds.fromUnixNs);

  return (
    <div className="flex min-h-0 flex-1 flex-col">
      <AlertsLane widthPx={widthPx} />
      <MarksLane widthPx={widthPx} />
      <div className="flex shrink-0 border-b border-line" style={{ height: AXIS_PX }}>
        <div
          className="flex shrink-0 items-end gap-1 border-r border-line bg-panel px-2 pb-1 text-tiny text-muted"
          style={{ width: HEADER_PX }}
          title={`UTC ${viewText(viewport, 0)}`}
        >
          <span ref={corner} className="min-w-0 flex-1 truncate" data-testid="timeline-base" />
          <TimelineSave picture={picture} />
        </div>
        <canvas
          ref={axis}
          className="min-w-0 cursor-crosshair touch-none"
          data-testid="timeline-axis"
          role="img"
          aria-label={`Time axis: ${viewText(viewport, zoneMinutes)}`}
          title={`UTC ${viewText(viewport, 0)}. Drag to choose a stretch of time.`}
          style={{ width: widthPx, height: AXIS_PX }}
        />
      </div>
      <div
        ref={scroller}
        className="relative min-h-0 flex-1 overflow-x-hidden overflow-y-auto [scrollbar-gutter:stable]"
        onScroll={(event) => setScrollPx(event.currentTarget.scrollTop)}
      >
        <div className="flex" style={{ height: Math.max(layout.heightPx, size.heightPx) }}>
          <TimelineHeaders
            layout={layout}
            scrollPx={scrollPx}
            heightPx={size.heightPx}
            busyRows={info.rows}
          />
          <div
            ref={surface}
            role="slider"
            aria-valuemin={0}
            aria-valuemax={wholeNs}
            aria-valuenow={Math.round(Math.max(0, Number(viewport.fromUnixNs - bounds.fromUnixNs)))}
            aria-valuetext={viewText(viewport, zoneMinutes)}
            tabIndex={0}
            aria-roledescription="timeline"
            aria-label={`Timeline of ${info.workers.length} workers`}
            aria-describedby="timeline-keys-help"
            data-testid="timeline-surface"
            data-renderer={picture?.rendererKind ?? ''}
            data-loading={info.loading}
            data-detail={info.detail ?? ''}
            data-events={info.events}
            className="sticky top-0 min-w-0 touch-none overflow-hidden select-none focus-visible:outline-offset-[-2px]"
            style={{ width: widthPx, height: size.heightPx }}
          >
            <div aria-hidden="true">
              <canvas ref={base} className="absolute inset-0 h-full w-full" />
              <canvas
                ref={boxes}
                data-testid="timeline-boxes"
                className="absolute inset-0 h-full w-full"
              />
              <canvas ref={overlay} className="absolute inset-0 h-full w-full" />
            </div>
            {info.workers.length === 0 && (
              <Nothing isLoading={info.detail === null} hasFailed={info.problem !== null} />
            )}
          </div>
        </div>
      </div>
      <p id="timeline-keys-help" className="sr-only">
        W and S zoom, A and D move, arrows move and scroll. Shift with arrows goes from event to
        event on a row and between rows. F shows what is chosen, 0 shows all, Escape lets go.
      </p>
      <output aria-live="polite" className="sr-only" data-testid="timeline-announcement">
        {focus.announcement}
      </output>
    </div>
  );
}

/** Before the first tile, and where there is none. */
function Nothing({
  isLoading,
  hasFailed,
}: {
  readonly isLoading: boolean;
  readonly hasFailed: boolean;
}) {
  if (isLoading && !hasFailed) {
    return (
      <div className="absolute inset-0 flex flex-col gap-1 p-1" aria-busy="true">
        {['a', 'b', 'c', 'd', 'e', 'f', 'g', 'h'].map((row) => (
          <div key={row} className="skeleton h-10 shrink-0 opacity-60" />
        ))}
      </div>
    );
  }
  return (
    <p className="absolute inset-x-0 top-8 text-center text-muted">
      {hasFailed
        ? 'Nothing is loaded yet. It is asked for again.'
        : 'No events here. Press 0 for all that is kept, l for the newest.'}
    </p>
  );
}

function useSize(ref: RefObject<HTMLElement | null>): {
  readonly widthPx: number;
  readonly heightPx: number;
} {
  const [size, setSize] = useState({ widthPx: 0, heightPx: 0 });
  useLayoutEffect(() => {
    const element = ref.current;
    if (element === null) return;
    const read = () => setSize({ widthPx: element.clientWidth, heightPx: element.clientHeight });
    read();
    const observer = new ResizeObserver(read);
    observer.observe(element);
    return () => observer.disconnect();
  }, [ref]);
  return size;
}
