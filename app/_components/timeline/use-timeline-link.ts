'use client';

/** Keeps the URL and the timeline the same: a link opens what it was copied from. */
import { useSearchParams } from 'next/navigation';
import { useEffect, useState } from 'react';
import { LinkEcho } from '#lib/view/link-echo.ts';
import { parsePanelsUrl, withPanelsUrl } from '#lib/view/timeline-panels-url.ts';
import { startOf } from '#lib/view/timeline-start.ts';
import { parseTimeline, serializeTimeline } from '#lib/view/timeline-url.ts';
import type { TimelineExtent } from '#lib/view/timeline-viewport.ts';
import { parsePageState, serializePageState } from '#lib/view/url-state.ts';
import type { TimelineStart, TimelineStore } from './timeline-store.ts';

const WRITE_MS = 300;

export function readLink(text: string, bounds: TimelineExtent): TimelineStart {
  const search = new URLSearchParams(text);
  const link = parseTimeline(search);
  const zoneMinutes = -new Date().getTimezoneOffset();
  const start = startOf(link, parsePageState(search).range, bounds, Date.now(), zoneMinutes);
  const { selection, filters, isDim, overlays, rows, ruler } = link;
  return { ...start, selection, filters, isDim, overlays, rows, ruler };
}

/** The search part of a URL that shows the timeline as it is now. */
export function linkText(store: TimelineStore, pageSearch: string): string {
  const { isTail, selection, filters, isDim, overlays, rows, ruler } = store.state();
  const { view } = store;
  const page = new URLSearchParams(
    serializePageState(parsePageState(new URLSearchParams(pageSearch))),
  );
  const own = serializeTimeline({
    viewport: view,
    isTail,
    selection,
    filters,
    isDim,
    overlays,
    rows,
    ruler,
  });
  for (const [name, value] of own) page.set(name, value);
  const old = new URLSearchParams(pageSearch);
  const renderer = old.get('renderer');
  if (renderer !== null) page.set('renderer', renderer);
  return withPanelsUrl(page, parsePanelsUrl(old)).toString();
}

/** The part of a URL that the timeline follows: panels write theirs beside it. */
function ownPart(text: string): string {
  const search = new URLSearchParams(text);
  const { range } = parsePageState(search);
  return `${JSON.stringify(range)} ${serializeTimeline(parseTimeline(search))}`;
}

export function useTimelineLink(store: TimelineStore): void {
  const text = useSearchParams().toString();
  const [echo] = useState(() => new LinkEcho(ownPart(text)));
  useEffect(() => {
    let timer: ReturnType<typeof setTimeout> | undefined;
    const write = () => {
      timer = undefined;
      if (window.location.pathname !== '/timeline') return;
      const shown = window.location.search.slice(1);
      // Somebody wants another view, which the page is not rendered with yet: it is opened then.
      if (echo.isForeign(ownPart(shown))) return;
      const next = linkText(store, shown);
      if (next === shown) return;
      echo.wrote(ownPart(next));
      window.history.replaceState(null, '', `?${next}`);
    };
    const later = () => {
      // Writing renders the page: not in the middle of a move.
      clearTimeout(timer);
      timer = setTimeout(write, WRITE_MS);
    };
    // Only what a link holds is worth writing; a tail that moves is not.
    let last = store.state();
    const stop = store.subscribe(() => {
      const state = store.state();
      const isMoved = state.viewport !== last.viewport && !state.isTail;
      const isChanged = (
        ['selection', 'filters', 'isDim', 'overlays', 'rows', 'ruler', 'isTail'] as const
      ).some((name) => state[name] !== last[name]);
      const isZoomed = state.viewport.spanNs !== last.viewport.spanNs;
      last = state;
      if (isMoved || isChanged || isZoomed) later();
    });
    return () => {
      stop();
      clearTimeout(timer);
    };
  }, [store, echo]);
  // Back, forth, a range of the top bar, a link on this page.
  useEffect(() => {
    if (echo.sees(ownPart(text))) store.open(readLink(text, store.state().bounds));
  }, [text, store, echo]);
}
