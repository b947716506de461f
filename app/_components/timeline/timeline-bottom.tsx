'use client';

import { AreaPanel } from './area-panel.tsx';
import { useTimelinePart } from './timeline-context.tsx';

/** The panel below the picture: the chosen area, in numbers. */
export function TimelineBottom() {
  const selection = useTimelinePart((state) => state.selection);
  return selection?.kind === 'area' ? <AreaPanel area={selection.area} /> : null;
}
