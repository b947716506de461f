'use client';

import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback, useMemo } from 'react';
import { type PageState, parsePageState, serializePageState } from '#lib/view/url-state.ts';

/** The state in the URL, and how to change it: a new entry in the history unless `replace`. */
export function usePageState(): {
  readonly state: PageState;
  readonly update: (change: Partial<PageState>, how?: 'push' | 'replace') => void;
  /** The URL of another page with this state. */
  readonly hrefOf: (path: string, change?: Partial<PageState>) => string;
} {
  const search = useSearchParams();
  const pathname = usePathname();
  const text = search.toString();
  const state = useMemo(() => parsePageState(new URLSearchParams(text)), [text]);
  const hrefOf = useCallback(
    (path: string, change: Partial<PageState> = {}) => {
      const query = serializePageState({ ...state, ...change });
      return query === '' ? path : `${path}?${query}`;
    },
    [state],
  );
  const update = useCallback(
    (change: Partial<PageState>, how: 'push' | 'replace' = 'push') => {
      const href = hrefOf(pathname, change);
      if (how === 'push') window.history.pushState(null, '', href);
      else window.history.replaceState(null, '', href);
    },
    [hrefOf, pathname],
  );
  return { state, update, hrefOf };
}
