'use client';

import {
  MaximizeIcon,
  RadioIcon,
  Rows2Icon,
  Rows4Icon,
  RulerIcon,
  ScanSearchIcon,
  ZoomInIcon,
  ZoomOutIcon,
} from 'lucide-react';
import type { ReactNode } from 'react';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { TIMELINE_OVERLAYS } from '#lib/view/timeline-selection.ts';
import { PanelButtons } from './panels-extras.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';

/** What can be done with the picture, above it. */
export function TimelineToolbar() {
  return (
    <div
      role="toolbar"
      aria-label="Timeline"
      className="flex flex-wrap items-center gap-x-2 gap-y-1 border-b border-line px-2 py-1"
    >
      <ViewButtons />
      <OverlayButtons />
      <span className="ml-auto flex flex-wrap items-center gap-1">
        <PanelButtons />
      </span>
    </div>
  );
}

function ViewButtons() {
  const store = useTimelineStore();
  const spanNs = useTimelinePart((state) => state.viewport.spanNs);
  const isTail = useTimelinePart((state) => state.isTail);
  const isMeasuring = useTimelinePart((state) => state.isMeasuring);
  const hasSelection = useTimelinePart((state) => state.selection !== null);
  const rows = useTimelinePart((state) => state.rows);
  const isOpen = rows.isOpen === true;
  const span = durationFigure(spanNs);
  return (
    <>
      <fieldset className="segments" aria-label="View">
        <Tool
          label="Follow the newest data (l)"
          isOn={isTail}
          onClick={() => store.setTail(!isTail)}
        >
          <RadioIcon size={14} aria-hidden /> Tail
        </Tool>
        <Tool label="Zoom out (s)" onClick={() => store.zoomBy(2)}>
          <ZoomOutIcon size={14} aria-hidden />
        </Tool>
        <Tool label="Zoom in (w)" onClick={() => store.zoomBy(0.5)}>
          <ZoomInIcon size={14} aria-hidden />
        </Tool>
        <Tool
          label="Zoom to what is chosen (f)"
          isDisabled={!hasSelection}
          onClick={() => store.fitSelection()}
        >
          <ScanSearchIcon size={14} aria-hidden />
        </Tool>
        <Tool label="All that is kept (0)" onClick={() => store.fitAll()}>
          <MaximizeIcon size={14} aria-hidden />
        </Tool>
        <Tool
          label="Measure (r), then drag"
          isOn={isMeasuring}
          onClick={() => store.setMeasuring(!isMeasuring)}
        >
          <RulerIcon size={14} aria-hidden />
        </Tool>
        <Tool
          label={isOpen ? 'One band a worker' : 'A band a stream'}
          onClick={() => store.setRows({ ...rows, isOpen: !isOpen, toggled: [] })}
        >
          {isOpen ? <Rows2Icon size={14} aria-hidden /> : <Rows4Icon size={14} aria-hidden />}
        </Tool>
      </fieldset>
      <span
        className="w-16 text-right text-small whitespace-nowrap text-muted"
        title={`In view: ${span.exact}`}
        data-testid="timeline-span"
      >
        {figureText(span)}
      </span>
    </>
  );
}

function OverlayButtons() {
  const store = useTimelineStore();
  const overlays = useTimelinePart((state) => state.overlays);
  return (
    <fieldset className="segments" aria-label="Overlays">
      {TIMELINE_OVERLAYS.map(({ name, key, label, short }) => (
        <button
          key={name}
          type="button"
          className="control"
          aria-label={label}
          aria-pressed={overlays[name]}
          title={`${label} (${key})`}
          onClick={() => store.toggleOverlay(name)}
        >
          {short} <kbd className="min-w-0 px-1 text-tiny">{key}</kbd>
        </button>
      ))}
    </fieldset>
  );
}

function Tool({
  label,
  isOn,
  isDisabled = false,
  onClick,
  children,
}: {
  readonly label: string;
  /** Of a button that stays pressed. */
  readonly isOn?: boolean;
  readonly isDisabled?: boolean;
  readonly onClick: () => void;
  readonly children: ReactNode;
}) {
  return (
    <button
      type="button"
      className="control disabled:text-muted"
      aria-label={label}
      title={label}
      disabled={isDisabled}
      onClick={onClick}
      {...(isOn === undefined ? {} : { 'aria-pressed': isOn })}
    >
      {children}
    </button>
  );
}
