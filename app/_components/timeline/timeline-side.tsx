'use client';

import { XIcon } from 'lucide-react';
import { TIMELINE_TABS, type TimelineTab } from '#lib/view/timeline-panels-url.ts';
import { DetailsPanel } from './details-panel.tsx';
import { NotesPanel } from './notes-panel.tsx';
import { usePanels } from './panels-context.tsx';
import { SearchPanel } from './search-panel.tsx';
import { StepsPanel } from './steps-panel.tsx';

/** The panel beside the picture: details of what is chosen, steps, search, notes. */
export function TimelineSide() {
  const { tab, change } = usePanels();
  if (tab === null) return null;
  const label = TIMELINE_TABS.find(({ name }) => name === tab)?.label;
  return (
    <aside
      className="flex w-72 shrink-0 flex-col border-l border-line bg-panel"
      aria-label={label}
      data-panel={tab}
      data-testid="timeline-side"
    >
      <div className="flex items-center gap-1 border-b border-line px-2 py-1">
        <h2 className="panel-title min-w-0 flex-1">{label}</h2>
        <button
          type="button"
          className="control"
          aria-label="Close the panel"
          onClick={() => change({ tab: null })}
        >
          <XIcon size={13} aria-hidden />
        </button>
      </div>
      <div className="flex min-h-0 flex-1 flex-col overflow-auto p-2">{panelOf(tab)}</div>
    </aside>
  );
}

function panelOf(tab: TimelineTab) {
  switch (tab) {
    case 'details':
      return <DetailsPanel />;
    case 'steps':
      return <StepsPanel />;
    case 'search':
      return <SearchPanel />;
    case 'notes':
      return <NotesPanel />;
  }
}
