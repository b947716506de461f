'use client';

/** What the panels of the timeline share: which is open, search, target, the note being written. */
import {
  createContext,
  type ReactNode,
  useCallback,
  useContext,
  useEffect,
  useMemo,
  useState,
} from 'react';
import { type NoteDraft, newNote } from '#lib/view/timeline-notes-view.ts';
import { type PanelsUrl, parsePanelsUrl, withPanelsUrl } from '#lib/view/timeline-panels-url.ts';
import { type SearchedTime, searchWindow } from '#lib/view/timeline-search-view.ts';
import { useTimelineStore } from './timeline-context.tsx';

export interface Panels extends PanelsUrl {
  readonly change: (change: Partial<PanelsUrl>) => void;
  /** Opens the search and puts the cursor into its box. */
  readonly openSearch: () => void;
  /** Counts up whenever the search's box wants the cursor. */
  readonly searchFocus: number;
  /** The time that is searched: where the view was when the search was written. */
  readonly searched: SearchedTime;
  readonly searchHere: () => void;
  /** null: no note is being written. */
  readonly draft: NoteDraft | null;
  readonly setDraft: (draft: NoteDraft | null) => void;
  /** A note on what is chosen, or on the middle of the view. */
  readonly startNote: () => void;
}

const PanelsContext = createContext<Panels | null>(null);

export function usePanels(): Panels {
  const panels = useContext(PanelsContext);
  if (panels === null) throw new Error('usePanels outside of PanelsProvider');
  return panels;
}

export function PanelsProvider({ children }: { readonly children: ReactNode }) {
  const store = useTimelineStore();
  const [url, setUrl] = useState(() => parsePanelsUrl(new URLSearchParams(window.location.search)));
  const [searchFocus, setSearchFocus] = useState(0);
  const [searched, setSearched] = useState(() => searchWindow(store.view));
  const [draft, setDraft] = useState<NoteDraft | null>(null);
  const searchHere = useCallback(() => setSearched(searchWindow(store.view)), [store]);
  const change = useCallback(
    (next: Partial<PanelsUrl>) => {
      if (next.query !== undefined) searchHere();
      setUrl((old) => ({ ...old, ...next }));
    },
    [searchHere],
  );
  useEffect(() => {
    const search = new URLSearchParams(window.location.search);
    const next = withPanelsUrl(search, url).toString();
    if (next === search.toString()) return;
    window.history.replaceState(null, '', `${window.location.pathname}${next && `?${next}`}`);
  }, [url]);
  const openSearch = useCallback(() => {
    change({ tab: 'search' });
    setSearchFocus((count) => count + 1);
  }, [change]);
  const startNote = useCallback(() => {
    setDraft(newNote(store.state().selection, store.view));
    change({ tab: 'notes' });
  }, [store, change]);
  useSelectionOpensDetails(change);
  const value = useMemo<Panels>(
    () => ({
      ...url,
      ...{ change, openSearch, searchFocus, searched, searchHere, draft, setDraft, startNote },
    }),
    [url, change, openSearch, searchFocus, searched, searchHere, draft, startNote],
  );
  return <PanelsContext value={value}>{children}</PanelsContext>;
}

/** Whoever clicks a box wants to read about it; a panel with the focus stays, steps have theirs. */
function useSelectionOpensDetails(change: (next: Partial<PanelsUrl>) => void): void {
  const store = useTimelineStore();
  useEffect(() => {
    let last = store.state().selection;
    return store.subscribe(() => {
      const { selection } = store.state();
      if (selection === last) return;
      last = selection;
      if (selection === null || selection.kind === 'area' || selection.kind === 'step') return;
      const open = document.activeElement?.closest('[data-panel]')?.getAttribute('data-panel');
      if (open === null || open === undefined) change({ tab: 'details' });
    });
  }, [store, change]);
}
