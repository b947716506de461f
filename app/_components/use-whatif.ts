'use client';

import { keepPreviousData, useQuery } from '@tanstack/react-query';
import { useCallback, useEffect, useRef, useState } from 'react';
import { fetchWhatif } from '#lib/api/client.ts';
import type { Problem } from '#lib/api/problem.ts';
import type { WhatifAnswer } from '#lib/api/whatif.ts';
import { apiRange, refreshMs } from '#lib/view/time-range.ts';
import { choiceSet, parseChoice, type WhatifChoice } from '#lib/view/whatif-choice.ts';
import { problemOf, useDashboard } from './dashboard.tsx';
import { useLivePaused } from './live-store.ts';

/** A prediction stands long enough to be compared with the next change. */
const LEAST_REFRESH_MS = 30_000;
/** Controls that move rest this long before the question is asked. */
const SETTLE_MS = 250;

export interface Whatif {
  readonly answer: WhatifAnswer | undefined;
  /** The answer is to the changes before. */
  readonly isOld: boolean;
  readonly problem: Problem | null;
  readonly retry: () => void;
}

/** The what-if of the changes in the URL; a newer question cancels the one before. */
export function useWhatif(): Whatif {
  const { deployment, state } = useDashboard();
  const paused = useLivePaused();
  const range = apiRange(state.range);
  const refresh = refreshMs(state.range);
  const asked = useQuery({
    queryKey: ['whatif', deployment, range, state.set],
    queryFn: ({ signal }) =>
      fetchWhatif(deployment ?? '', { ...range, set: state.set }, { signal }),
    enabled: deployment !== null,
    refetchInterval: paused || refresh === null ? false : Math.max(refresh, LEAST_REFRESH_MS),
    placeholderData: (old, query) =>
      query?.queryKey[1] === deployment ? keepPreviousData(old) : undefined,
  });
  const { refetch } = asked;
  return {
    answer: asked.data,
    isOld: asked.isPlaceholderData,
    problem: problemOf(asked.error),
    retry: () => void refetch(),
  };
}

/**
 * What the controls show: follows the URL, and goes into it once the controls rest. The back button
 * and "try it" win over a change that has not gone in yet.
 */
export function useChoice(today: { readonly attention: number; readonly ffn: number }): {
  readonly choice: WhatifChoice;
  readonly change: (part: Partial<WhatifChoice>) => void;
  readonly isPending: boolean;
} {
  const { state, update } = useDashboard();
  const [draft, setDraft] = useState<{ choice: WhatifChoice; of: readonly string[] } | null>(null);
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined);
  const isCurrent = draft !== null && draft.of === state.set;
  const choice = isCurrent ? draft.choice : parseChoice(state.set);
  const change = useCallback(
    (part: Partial<WhatifChoice>) => setDraft({ choice: { ...choice, ...part }, of: state.set }),
    [choice, state.set],
  );
  useEffect(() => {
    if (draft === null || draft.of !== state.set) return;
    timer.current = setTimeout(() => {
      update({ set: choiceSet(draft.choice, today) }, 'replace');
      setDraft(null);
    }, SETTLE_MS);
    return () => clearTimeout(timer.current);
  }, [draft, state.set, today, update]);
  return { choice, change, isPending: isCurrent };
}
