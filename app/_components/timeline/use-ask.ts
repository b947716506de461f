'use client';

/** One question of a panel to the API; the answer before stays until the new one is there. */
import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import type { ClientOptions } from '#lib/api/client.ts';
import { problemOf } from '../dashboard.tsx';
import type { Answer } from '../use-question.ts';

/** `key` null: nothing is asked. Its first part names the question, the second the deployment. */
export function useAsk<T>(
  key:
    | readonly [name: string, deployment: string, ...rest: readonly (string | number | null)[]]
    | null,
  ask: (options: ClientOptions) => Promise<T>,
  how: { readonly refetchMs?: number; readonly keepsOld?: boolean } = {},
): Answer<T> {
  const asked = useQuery({
    queryKey: key ?? ['nothing'],
    queryFn: ({ signal }) => ask({ signal }),
    enabled: key !== null,
    refetchInterval: how.refetchMs ?? false,
    placeholderData: (old, query) =>
      how.keepsOld === true && key !== null && query?.queryKey[1] === key[1] ? old : undefined,
  });
  const { refetch } = asked;
  return {
    data: key === null ? undefined : asked.data,
    isRefilling: asked.isPlaceholderData,
    problem: key === null ? null : problemOf(asked.error),
    retry: () => void refetch(),
  };
}

const SETTLE_MS = 200;

/** The value once it rests: an area that is being drawn is not asked about at every move. */
export function useSettled<T>(value: T): T {
  const [settled, setSettled] = useState(value);
  useEffect(() => {
    const timer = setTimeout(() => setSettled(value), SETTLE_MS);
    return () => clearTimeout(timer);
  }, [value]);
  return settled;
}
