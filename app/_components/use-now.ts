'use client';

import { useEffect, useState } from 'react';
import { pageRests } from './page-rest.ts';

/** The browser's clock, read again every `everyMs` unless the page rests. */
export function useNow(everyMs: number): number {
  const [now, setNow] = useState(() => Date.now());
  useEffect(() => {
    const timer = setInterval(() => {
      if (!pageRests()) setNow(Date.now());
    }, everyMs);
    return () => clearInterval(timer);
  }, [everyMs]);
  return now;
}
