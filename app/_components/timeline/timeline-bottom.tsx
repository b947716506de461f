'use client';

import { useTimelinePart } from './timeline-context.tsx';

/** The panel below the picture: what is chosen, in numbers. */
export function TimelineBottom() {
  const selection = useTimelinePart((state) => state.selection);
  if (selection === null) return null;
  return <section className="shrink-0 border-t border-line bg-panel" aria-label="Selection" />;
}
