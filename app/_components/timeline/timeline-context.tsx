'use client';

import { createContext, useContext, useSyncExternalStore } from 'react';
import type { TimelineState, TimelineStore } from './timeline-store.ts';

const TimelineContext = createContext<TimelineStore | null>(null);
export const TimelineProvider = TimelineContext.Provider;

/** The controller: commands, the view of this frame, listeners. */
export function useTimelineStore(): TimelineStore {
  const store = useContext(TimelineContext);
  if (store === null) throw new Error('useTimelineStore outside of TimelineProvider');
  return store;
}

/**
 * A part of the state: renders again only where that part changed, and for a moving view only once it
 * rests.
 */
export function useTimelinePart<T>(pick: (state: TimelineState) => T): T {
  const store = useTimelineStore();
  const read = () => pick(store.state());
  return useSyncExternalStore(store.subscribe, read, read);
}
