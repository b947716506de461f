'use client';

import { useTimelinePart } from './timeline-context.tsx';

/** The panel beside the picture: details of what is chosen. */
export function TimelineSide() {
  const selection = useTimelinePart((state) => state.selection);
  if (selection === null || selection.kind === 'area') return null;
  return <aside className="w-72 shrink-0 border-l border-line bg-panel" aria-label="Details" />;
}
