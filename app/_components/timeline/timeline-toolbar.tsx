'use client';

import { TIMELINE_OVERLAYS } from '#lib/view/timeline-selection.ts';
import { PanelButtons } from './panels-extras.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';

/** What can be done with the picture, above it. */
export function TimelineToolbar() {
  const store = useTimelineStore();
  const overlays = useTimelinePart((state) => state.overlays);
  return (
    <div
      role="toolbar"
      aria-label="Timeline"
      className="flex flex-wrap items-center gap-2 border-b border-line px-2 py-1"
    >
      <fieldset className="segments" aria-label="Overlays">
        {TIMELINE_OVERLAYS.map(({ name, key, label }) => (
          <button
            key={name}
            type="button"
            className="control"
            aria-pressed={overlays[name]}
            title={`${label} (${key})`}
            onClick={() => store.toggleOverlay(name)}
          >
            {label} <kbd>{key}</kbd>
          </button>
        ))}
      </fieldset>
      <span className="ml-auto flex flex-wrap items-center gap-1">
        <PanelButtons />
      </span>
    </div>
  );
}
