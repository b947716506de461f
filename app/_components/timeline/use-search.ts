'use client';

/** What the search finds in the time in view, lit in the picture. */
import { useCallback, useEffect } from 'react';
import { fetchTimelineSearch } from '#lib/api/timeline-client.ts';
import type { TimelineSearch } from '#lib/api/timeline-search.ts';
import { hitSelection, type SearchHit } from '#lib/view/timeline-search-view.ts';
import { useDashboard } from '../dashboard.tsx';
import type { Answer } from '../use-question.ts';
import { usePanels } from './panels-context.tsx';
import { useTimelinePart, useTimelineStore } from './timeline-context.tsx';
import { useAsk } from './use-ask.ts';

const LIMIT = 500;

/** The answer says which part was looked at, where it is too much. */
export function useTimelineSearch(): Answer<TimelineSearch> {
  const { deployment } = useDashboard();
  const { query, searched } = usePanels();
  const from = String(searched.fromUnixNs);
  const to = String(searched.toUnixNs);
  const near = String(searched.nearUnixNs);
  return useAsk(
    deployment === null || query === ''
      ? null
      : ['timeline-search', deployment, query, from, to, near],
    (options) =>
      fetchTimelineSearch(deployment ?? '', { q: query, limit: LIMIT, from, to, near }, options),
  );
}

/** Lights all hits while there is a search, whichever panel is open. */
export function SearchLayer() {
  const store = useTimelineStore();
  const hits = useTimelineSearch().data?.hits;
  useEffect(() => {
    store.setLayers({
      hits: (hits ?? []).flatMap(({ workerId, startUnixNs, durationNs }) =>
        startUnixNs === null ? [] : [{ workerId, startUnixNs: BigInt(startUnixNs), durationNs }],
      ),
    });
  }, [store, hits]);
  return null;
}

/** Chooses a hit and brings it into view; a worker is unhidden and put on top. */
export function useShowHit(): (hit: SearchHit) => void {
  const store = useTimelineStore();
  const rows = useTimelinePart((state) => state.rows);
  return useCallback(
    (hit) => {
      const selection = hitSelection(hit);
      if (selection !== null) {
        store.focusOn(selection);
      } else if (hit.kind === 'worker' && hit.workerId !== null) {
        const id = hit.workerId;
        const isPinned = rows.pinned.includes(id);
        store.setRows({
          ...rows,
          hidden: rows.hidden.filter((other) => other !== id),
          pinned: isPinned ? rows.pinned : [...rows.pinned, id],
        });
      }
    },
    [store, rows],
  );
}
