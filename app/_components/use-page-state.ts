'use client';

import { usePathname, useSearchParams } from 'next/navigation';
import { useCallback, useMemo } from 'react';
import { DEFAULT_ALERT_CHOICE } from '#lib/view/alert-choice.ts';
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
      // What is chosen on the pages of alerts is theirs: it would choose something else elsewhere.
      const alerts = path === pathname ? state.alerts : DEFAULT_ALERT_CHOICE;
      const query = serializePageState({ ...state, alerts, ...change });
      return query === '' ? path : `${path}?${query}`;
    },
    [state, pathname],
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
