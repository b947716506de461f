'use client';

import { useQuery } from '@tanstack/react-query';
import { type ComparedWindow, fetchCompare } from '#lib/api/client.ts';
import type { Compare } from '#lib/api/compare.ts';
import type { SideChoice } from '#lib/view/compare-choice.ts';
import { problemOf, useDashboard } from '../dashboard.tsx';
import type { Answer } from '../use-question.ts';

/** The comparison that the URL asks for. It stands until it is asked for again: it takes seconds. */
export function useCompare(): Answer<Compare> {
  const { deployment, state } = useDashboard();
  const { a, b } = state.compare;
  const window = ({ deployment: own, from, to }: SideChoice): ComparedWindow => ({
    deployment: own ?? deployment ?? '',
    ...(from === null ? {} : { from }),
    ...(to === null ? {} : { to }),
  });
  const asked = useQuery({
    queryKey: ['compare', window(a), window(b)],
    queryFn: ({ signal }) => fetchCompare(window(a), window(b), { signal }),
    enabled: deployment !== null,
    staleTime: Number.POSITIVE_INFINITY,
    refetchOnWindowFocus: false,
    placeholderData: (old) => old,
  });
  const { refetch } = asked;
  return {
    data: asked.data,
    isRefilling: asked.isFetching,
    problem: problemOf(asked.error),
    retry: () => void refetch(),
  };
}
