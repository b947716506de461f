'use client';

import type { KeyboardEvent, PointerEvent } from 'react';

const LEAST_PX = 120;
const STEP_PX = 24;

/** The upper edge of the panel at the foot: drag it, or use the arrow keys. */
export function ResizeHandle({
  heightPx,
  onHeight,
}: {
  readonly heightPx: number;
  readonly onHeight: (heightPx: number) => void;
}) {
  const most = () => Math.max(LEAST_PX, Math.round(window.innerHeight * 0.6));
  const set = (px: number) => onHeight(Math.round(Math.min(most(), Math.max(LEAST_PX, px))));
  const onPointerDown = (event: PointerEvent<HTMLDivElement>) => {
    event.currentTarget.setPointerCapture(event.pointerId);
  };
  const onPointerMove = (event: PointerEvent<HTMLDivElement>) => {
    if (!event.currentTarget.hasPointerCapture(event.pointerId)) return;
    const panel = event.currentTarget.parentElement?.getBoundingClientRect();
    if (panel !== undefined) set(panel.bottom - event.clientY);
  };
  const onKeyDown = (event: KeyboardEvent) => {
    const by = event.key === 'ArrowUp' ? STEP_PX : event.key === 'ArrowDown' ? -STEP_PX : 0;
    if (by === 0) return;
    event.preventDefault();
    event.stopPropagation();
    set(heightPx + by);
  };
  return (
    <div
      role="slider"
      aria-orientation="vertical"
      aria-label="Height of the panel"
      aria-valuemin={LEAST_PX}
      aria-valuemax={900}
      aria-valuenow={heightPx}
      aria-valuetext={`${heightPx} pixels`}
      tabIndex={0}
      className="h-1.5 shrink-0 cursor-row-resize touch-none hover:bg-accent"
      onPointerDown={onPointerDown}
      onPointerMove={onPointerMove}
      onKeyDown={onKeyDown}
    />
  );
}
