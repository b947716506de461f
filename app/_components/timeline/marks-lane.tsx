'use client';

/**
 * Above the axis: where events came late, twice, were refused or changed. Painted with each frame of the
 * view; the places that can be pointed at and walked through follow when it rests.
 */
import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import { type LaneItem, laneItems, marksSummary, marksWithin } from '#lib/view/timeline-marks.ts';
import { extentOf } from '#lib/view/timeline-viewport.ts';
import { sizedContext } from '../canvas-size.ts';
import { useTheme } from '../root-setting.ts';
import { LANE_PX, paintLane } from './paint-lane.ts';
import { usePanels } from './panels-context.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { HEADER_PX } from './timeline-headers.tsx';

export function MarksLane({ widthPx }: { readonly widthPx: number }) {
  const store = useTimelineStore();
  const theme = useTheme();
  const isOn = useTimelinePart((state) => state.overlays.marks);
  const marks = useTimelinePart((state) => state.info.marks);
  const viewport = useTimelinePart((state) => state.viewport);
  const items = useMemo(() => laneItems(marks, viewport, widthPx), [marks, viewport, widthPx]);
  // Once there it stays, so that the picture does not jump with every move.
  const [wasSeen, setWasSeen] = useState(false);
  useEffect(() => {
    if (items.length > 0) setWasSeen(true);
  }, [items]);
  const isShown = isOn && (wasSeen || items.length > 0) && widthPx > 0;
  const canvas = useRef<HTMLCanvasElement>(null);
  useEffect(() => {
    if (!isShown) return;
    let frame: number | undefined;
    const paint = () => {
      frame = undefined;
      const context = canvas.current && sizedContext(canvas.current, widthPx, LANE_PX);
      if (context) paintLane(context, laneItems(marks, store.view, widthPx), widthPx, theme);
    };
    const repaint = () => {
      frame ??= requestAnimationFrame(paint);
    };
    repaint();
    const stop = store.onView(repaint);
    return () => {
      stop();
      if (frame !== undefined) cancelAnimationFrame(frame);
    };
  }, [store, marks, widthPx, theme, isShown]);
  if (!isShown) return null;
  const summary = marksSummary(marksWithin(marks, extentOf(viewport)));
  return (
    <div
      className="relative flex shrink-0 border-b border-line bg-panel"
      style={{ height: LANE_PX }}
      data-testid="marks-lane"
    >
      <p
        className="m-0 shrink-0 truncate border-r border-line px-2 text-tiny text-muted"
        style={{ width: HEADER_PX, lineHeight: `${LANE_PX}px` }}
        title={`Events that are not as they were sent: ${summary === '' ? 'none here' : summary}. By the second in which they took place, or were received where that is not known.`}
      >
        {summary === '' ? 'all as sent here' : summary}
      </p>
      <div
        aria-hidden="true"
        className="relative min-w-0 overflow-hidden"
        style={{ width: widthPx }}
      >
        <canvas
          ref={canvas}
          className="absolute inset-0"
          style={{ width: widthPx, height: LANE_PX }}
        />
      </div>
      <LanePlaces items={items} summary={summary} widthPx={widthPx} />
    </div>
  );
}

/** One stop of the Tab key; arrows walk from place to place. */
function LanePlaces({
  items,
  summary,
  widthPx,
}: {
  readonly items: readonly LaneItem[];
  readonly summary: string;
  readonly widthPx: number;
}) {
  const store = useTimelineStore();
  const { change } = usePanels();
  const list = useRef<HTMLUListElement>(null);
  const [stop, setStop] = useState<string | null>(null);
  const [told, setTold] = useState<string | null>(null);
  const first = items.find(({ key }) => key === stop)?.key ?? items[0]?.key;
  const shown = items.find(({ key }) => key === told);
  const onKey = (event: KeyboardEvent, at: number) => {
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: items.length - 1 }[event.key];
    if (event.key === 'Escape' && told !== null) {
      event.stopPropagation();
      setTold(null);
    }
    if (to === undefined || items[to] === undefined) return;
    event.preventDefault();
    setStop(items[to].key);
    list.current?.querySelectorAll('button')[to]?.focus();
  };
  const choose = ({ fromUnixNs, toUnixNs }: LaneItem) => {
    setTold(null);
    store.select({ kind: 'area', area: { fromUnixNs, toUnixNs, workers: null } });
    change({ tab: 'details' });
  };
  return (
    <>
      <ul ref={list} aria-label={`Events not as they were sent: ${summary}`} className="contents">
        {items.map((item, at) => (
          <li key={item.key} className="contents">
            <button
              type="button"
              className="absolute top-0 bg-transparent"
              style={{ left: HEADER_PX + item.fromPx, width: item.widthPx, height: LANE_PX }}
              aria-label={item.label}
              tabIndex={item.key === first ? 0 : -1}
              onPointerEnter={() => setTold(item.key)}
              onPointerLeave={() => setTold(null)}
              onFocus={() => {
                setStop(item.key);
                setTold(item.key);
              }}
              onBlur={() => setTold(null)}
              onKeyDown={(event) => onKey(event, at)}
              onClick={() => choose(item)}
            />
          </li>
        ))}
      </ul>
      {shown !== undefined && (
        <div
          role="tooltip"
          className="pointer-events-none absolute z-20 max-w-96 border border-line bg-raised px-2 py-1 text-small"
          style={{
            top: LANE_PX + 2,
            ...(shown.fromPx > widthPx / 2
              ? { right: Math.max(0, widthPx - shown.fromPx - shown.widthPx) }
              : { left: HEADER_PX + shown.fromPx }),
          }}
          data-testid="mark-tooltip"
        >
          {shown.lines.map((line) => (
            <p key={line} className="m-0">
              {line}
            </p>
          ))}
        </div>
      )}
    </>
  );
}
