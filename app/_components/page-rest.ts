/**
 * While a hand moves a picture, the page does nothing else: polls are left out, clocks stand, and what
 * the live stream says waits. Afterwards what was missed is made up for.
 */
import { focusManager, type Query } from '@tanstack/react-query';
import { liveStore } from './live-store.ts';

let isPageResting = false;

export function pageRests(): boolean {
  return isPageResting;
}

/** Polls ask whether the page has the focus: for them it has none while it rests. */
export function restPage(isResting: boolean): void {
  if (isResting === isPageResting) return;
  isPageResting = isResting;
  liveStore.rest(isResting);
  // undefined: as the browser says.
  focusManager.setFocused(isResting ? false : undefined);
}

/** When the page is looked at again: did a poll of this query fall out? Queries without one may ask. */
export function missedPoll(query: Query): boolean {
  const intervals = query.observers.flatMap(({ options }) => {
    const { refetchInterval } = options;
    const ms = typeof refetchInterval === 'function' ? refetchInterval(query) : refetchInterval;
    return typeof ms === 'number' ? [ms] : [];
  });
  if (intervals.length === 0) return true;
  return Date.now() - query.state.dataUpdatedAt >= Math.min(...intervals);
}
