'use client';

import { useRouter } from 'next/navigation';
import { type KeyboardEvent, type PointerEvent, useEffect, useMemo, useRef, useState } from 'react';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { roleColour, SURFACES, type ThemeName } from '#lib/view/palette.ts';
import type { Pen } from '#lib/view/pen.ts';
import { rowAt, type StripLayout, stripLayout } from '#lib/view/strip-layout.ts';
import { boxPlace, boxWindow } from '#lib/view/strip-link.ts';
import { hitTest, type StripModel } from '#lib/view/strip-model.ts';
import { nsAt, panBy, type Viewport, xOf, zoomAt } from '#lib/view/strip-viewport.ts';
import { linkToTimeline } from '#lib/view/timeline-link.ts';
import { sizedContext } from './canvas-size.ts';
import { useDashboard } from './dashboard.tsx';
import { useTheme } from './root-setting.ts';
import { type CsvCell, csvText } from './save-file.ts';
import { SaveMenu } from './save-menu.tsx';
import { STRIP_LEGEND } from './strip-legend.ts';
import { paintStrip } from './strip-paint.ts';
import { useWidthPx } from './use-size.ts';

interface Pointed {
  readonly box: number;
  readonly xPx: number;
  readonly yPx: number;
}

/** A press that moves less is a click. */
const CLICK_PX = 4;
const NOTHING: Pointed = { box: -1, xPx: 0, yPx: 0 };

export function StripCanvas({
  model,
  view,
  onView,
}: {
  readonly model: StripModel;
  readonly view: Viewport;
  readonly onView: (view: Viewport | 'whole') => void;
}) {
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const { state } = useDashboard();
  const router = useRouter();
  const pressedAt = useRef<{ readonly x: number; readonly y: number } | null>(null);
  const dragged = useRef<{ xPx: number; view: Viewport } | null>(null);
  const widthPx = useWidthPx(holder);
  const theme = useTheme();
  const layout = useMemo(() => stripLayout(model), [model]);
  const [pointed, setPointed] = useState<Pointed>(NOTHING);
  const { durationNs } = model.strip;
  const hovered = pointed.box < model.strip.row.length ? pointed.box : -1;

  useEffect(() => {
    if (canvas.current === null || widthPx === 0) return;
    const context = sizedContext(canvas.current, widthPx, layout.heightPx);
    if (context === null) return;
    paintStrip(context, { model, layout, view, widthPx, theme, hovered });
  }, [model, layout, view, widthPx, theme, hovered]);

  // React's wheel listeners are passive: this one must keep the page from scrolling.
  useEffect(() => {
    const element = holder.current;
    if (element === null) return;
    const onWheel = (event: WheelEvent) => {
      const isMeant = event.ctrlKey || event.metaKey || document.activeElement === element;
      if (!isMeant) return;
      event.preventDefault();
      const box = element.getBoundingClientRect();
      const atNs = nsAt(view, event.clientX - box.left, widthPx);
      const isPan = event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY);
      const delta = event.deltaX || event.deltaY;
      onView(
        isPan
          ? panBy(view, (delta / Math.max(1, widthPx)) * (view.toNs - view.fromNs), durationNs)
          : zoomAt(view, atNs, event.deltaY > 0 ? 1.25 : 0.8, durationNs),
      );
    };
    element.addEventListener('wheel', onWheel, { passive: false });
    return () => element.removeEventListener('wheel', onWheel);
  }, [view, widthPx, durationNs, onView]);

  const onPointerMove = (event: PointerEvent<HTMLCanvasElement>) => {
    const box = event.currentTarget.getBoundingClientRect();
    const xPx = event.clientX - box.left;
    const yPx = event.clientY - box.top;
    const drag = dragged.current;
    if (drag !== null) {
      const span = drag.view.toNs - drag.view.fromNs;
      onView(panBy(drag.view, ((drag.xPx - xPx) / Math.max(1, widthPx)) * span, durationNs));
      return;
    }
    const at = rowAt(layout, yPx);
    const hit = at === null ? -1 : hitTest(model, at.row, at.lane, nsAt(view, xPx, widthPx));
    setPointed(hit === -1 ? NOTHING : { box: hit, xPx, yPx });
  };

  /** A click, not the end of a drag, opens the timeline where the box is. */
  const openAt = (clientX: number, clientY: number) => {
    const pressed = pressedAt.current;
    const isClick =
      pressed !== null && Math.hypot(clientX - pressed.x, clientY - pressed.y) < CLICK_PX;
    if (isClick && hovered >= 0) {
      router.push(linkToTimeline(state, boxWindow(model, hovered), boxPlace(model, hovered)));
    }
  };

  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const span = view.toNs - view.fromNs;
    const middle = (view.fromNs + view.toNs) / 2;
    switch (event.key) {
      case 'w':
      case '+':
        onView(zoomAt(view, middle, 0.7, durationNs));
        break;
      case 's':
      case '-':
        onView(zoomAt(view, middle, 1 / 0.7, durationNs));
        break;
      case 'a':
      case 'ArrowLeft':
        onView(panBy(view, -span * 0.2, durationNs));
        break;
      case 'd':
      case 'ArrowRight':
        onView(panBy(view, span * 0.2, durationNs));
        break;
      case '0':
        onView('whole');
        break;
      case 'Escape':
        holder.current?.blur();
        break;
      default:
        return;
    }
    event.preventDefault();
    event.stopPropagation();
  };

  return (
    <>
      <div className="mt-1 flex max-h-[520px] overflow-y-auto pr-2 pb-2">
        <ul className="relative w-24 shrink-0 text-tiny" style={{ height: layout.heightPx }}>
          {layout.rows.map((box) => {
            const row = model.rows[box.row]!;
            return (
              <li
                key={row.workerId}
                className="absolute right-2 left-3 flex items-center gap-1.5 truncate"
                style={{ top: box.topPx, height: box.heightPx }}
                title={row.workerId}
              >
                <span
                  aria-hidden="true"
                  className="h-3/5 w-0.5 shrink-0"
                  style={{ background: roleColour(row.role) }}
                />
                <span className="truncate">{row.workerId}</span>
              </li>
            );
          })}
        </ul>
        <div
          ref={holder}
          role="slider"
          tabIndex={0}
          aria-roledescription="timeline"
          aria-label={stripLabel(model)}
          aria-valuemin={0}
          aria-valuemax={durationNs}
          aria-valuenow={Math.round(view.fromNs)}
          aria-valuetext={viewText(view)}
          className="relative min-w-0 flex-1"
          style={{ height: layout.heightPx }}
          onKeyDown={onKeyDown}
        >
          <canvas
            ref={canvas}
            data-testid="strip-canvas"
            data-boxes={model.strip.row.length}
            className="absolute inset-0 h-full w-full touch-pan-y"
            onPointerMove={onPointerMove}
            onPointerLeave={() => setPointed(NOTHING)}
            onPointerDown={(event) => {
              event.currentTarget.setPointerCapture(event.pointerId);
              const box = event.currentTarget.getBoundingClientRect();
              dragged.current = { xPx: event.clientX - box.left, view };
              pressedAt.current = { x: event.clientX, y: event.clientY };
            }}
            onPointerUp={() => {
              dragged.current = null;
            }}
            onClick={(event) => openAt(event.clientX, event.clientY)}
            onPointerCancel={() => {
              dragged.current = null;
            }}
          />
          {hovered >= 0 && (
            <Tooltip model={model} pointed={pointed} widthPx={widthPx} view={view} />
          )}
        </div>
      </div>
      <div className="flex justify-end px-3 pb-2">
        <SaveMenu
          title="the ping-pong strip"
          picture={() => ({
            name: `ping-pong-step-${model.strip.step}`,
            title: `Ping-pong of step ${model.strip.step}, ${viewText(view)}`,
            legend: STRIP_LEGEND,
            widthPx: NAMES_PX + widthPx,
            heightPx: layout.heightPx,
            body: {
              paint: (pen) => {
                paintNames(pen, model, layout, theme);
                pen.translate(NAMES_PX, 0);
                paintStrip(pen, { model, layout, view, widthPx, theme, hovered: -1 });
              },
            },
          })}
          csv={{ name: `ping-pong-step-${model.strip.step}`, text: () => csvText(tableOf(model)) }}
        />
      </div>
    </>
  );
}

/** Room for the names of workers in a picture that is saved; on the page they stand beside it. */
const NAMES_PX = 96;

function paintNames(pen: Pen, model: StripModel, layout: StripLayout, theme: ThemeName): void {
  pen.font = '11px system-ui, sans-serif';
  pen.textBaseline = 'middle';
  pen.textAlign = 'left';
  for (const box of layout.rows) {
    const row = model.rows[box.row]!;
    pen.fillStyle = roleColour(row.role);
    pen.fillRect(0, box.topPx + box.heightPx / 5, 2, (box.heightPx * 3) / 5);
    pen.fillStyle = SURFACES[theme].text;
    pen.fillText(row.workerId, 8, box.topPx + box.heightPx / 2, NAMES_PX - 16);
  }
}

function tableOf(model: StripModel): CsvCell[][] {
  const { strip } = model;
  return [
    ['worker', 'stage', 'kind', 'layer', 'micro-batch', 'start in step (ns)', 'duration (ns)'],
    ...Array.from(strip.row, (row, box): CsvCell[] => [
      model.rows[row]!.workerId,
      model.stageOf(box),
      model.kindOf(box),
      strip.layer[box]!,
      strip.microbatch[box]!,
      strip.startNs[box]!,
      strip.boxDurationNs[box]!,
    ]),
  ];
}

function viewText(view: Viewport): string {
  const from = figureText(durationFigure(view.fromNs));
  return `${from} to ${figureText(durationFigure(view.toNs))} of the step`;
}

function stripLabel(model: StripModel): string {
  const { strip } = model;
  return `Step ${strip.step}: ${strip.rows.length} workers, ${strip.shownLayers} layers, ${figureText(
    durationFigure(strip.durationNs),
  )}. W and S zoom, A and D move, 0 shows the whole step.`;
}

function Tooltip({
  model,
  pointed,
  widthPx,
  view,
}: {
  readonly model: StripModel;
  readonly pointed: Pointed;
  readonly widthPx: number;
  readonly view: Viewport;
}) {
  const { strip } = model;
  const box = pointed.box;
  const kind = model.kindOf(box);
  const stage = model.stageOf(box);
  const row = model.rows[strip.row[box]!];
  const isRight = pointed.xPx > widthPx / 2;
  const anchorPx = Math.min(widthPx, Math.max(0, xOf(view, strip.startNs[box]!, widthPx)));
  const leftPx = Math.max(anchorPx, pointed.xPx);
  return (
    <div
      role="status"
      className="panel pointer-events-none absolute z-10 px-2.5 py-1.5 text-small whitespace-nowrap"
      style={{
        top: pointed.yPx + 14,
        ...(isRight ? { right: widthPx - pointed.xPx + 8 } : { left: leftPx + 8 }),
      }}
    >
      <div className="font-semibold">
        {stage}
        {kind !== 'compute' && <span className="font-normal text-muted"> · {kind}</span>}
      </div>
      <div>
        {row?.workerId}
        {strip.layer[box]! >= 0 && ` · layer ${strip.layer[box]}`}
        {strip.microbatch[box]! >= 0 && ` · micro-batch ${strip.microbatch[box]}`}
      </div>
      <div className="text-muted">
        {figureText(durationFigure(strip.boxDurationNs[box]!))}, from{' '}
        {figureText(durationFigure(strip.startNs[box]!))}
      </div>
    </div>
  );
}
