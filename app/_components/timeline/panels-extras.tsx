'use client';

/** What the panels do beside the picture: layers that they have drawn, keys, buttons of the toolbar. */
import { ListOrderedIcon, SearchIcon, StickyNoteIcon, TextSearchIcon } from 'lucide-react';
import { useEffect } from 'react';
import { hasOpenLayer, isTyping } from '../is-typing.ts';
import { selectView } from './details-panel.tsx';
import { FlowLayer } from './flow-line.tsx';
import { CopyLink } from './panel-parts.tsx';
import { usePanels } from './panels-context.tsx';
import { useTimelineStore } from './timeline-context.tsx';
import { StepKeys } from './use-current-step.ts';
import { NotesLayer } from './use-notes.ts';
import { PathLayer } from './use-path-layer.ts';
import { SearchLayer } from './use-search.ts';

export function PanelLayers() {
  return (
    <>
      <FlowLayer />
      <PathLayer />
      <NotesLayer />
      <SearchLayer />
      <StepKeys />
      <PanelKeys />
    </>
  );
}

/** `/` search, `x` follow, `n` note, `v` the time in view as an area. */
function PanelKeys() {
  const store = useTimelineStore();
  const { isFollowing, change, openSearch, startNote } = usePanels();
  useEffect(() => {
    const onKeyDown = (event: KeyboardEvent) => {
      if (event.ctrlKey || event.metaKey || event.altKey || event.defaultPrevented) return;
      if (isTyping(event.target) || hasOpenLayer()) return;
      if (event.key === '/') openSearch();
      else if (event.key === 'x') change({ isFollowing: !isFollowing, tab: 'details' });
      else if (event.key === 'n') startNote();
      else if (event.key === 'v') selectView(store);
      else return;
      event.preventDefault();
    };
    window.addEventListener('keydown', onKeyDown);
    return () => window.removeEventListener('keydown', onKeyDown);
  }, [store, isFollowing, change, openSearch, startNote]);
  return null;
}

/** Opens the panels from the toolbar. */
export function PanelButtons() {
  const { tab, change, openSearch } = usePanels();
  const toggle = (name: 'details' | 'steps' | 'notes') =>
    change({ tab: tab === name ? null : name });
  return (
    <>
      <fieldset className="segments" aria-label="Panels">
        <button
          type="button"
          className="control"
          aria-pressed={tab === 'details'}
          onClick={() => toggle('details')}
        >
          <TextSearchIcon size={13} aria-hidden /> Details
        </button>
        <button
          type="button"
          className="control"
          aria-pressed={tab === 'steps'}
          title="Steps of the time in view; [ and ] go from step to step"
          onClick={() => toggle('steps')}
        >
          <ListOrderedIcon size={13} aria-hidden /> Steps
        </button>
        <button
          type="button"
          className="control"
          aria-pressed={tab === 'search'}
          onClick={() => (tab === 'search' ? change({ tab: null }) : openSearch())}
        >
          <SearchIcon size={13} aria-hidden /> Search <kbd>/</kbd>
        </button>
        <button
          type="button"
          className="control"
          aria-pressed={tab === 'notes'}
          onClick={() => toggle('notes')}
        >
          <StickyNoteIcon size={13} aria-hidden /> Notes
        </button>
      </fieldset>
      <CopyLink />
    </>
  );
}
