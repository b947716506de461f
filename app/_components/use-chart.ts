'use client';

import type { EChartsType } from 'echarts/core';
import { type RefObject, useEffect } from 'react';

/** A chart in `holder`: made with it, resized with it, gone with it. `init` must stay the same function. */
export function useChart(
  holder: RefObject<HTMLElement | null>,
  drawn: RefObject<EChartsType | null>,
  init: (element: HTMLElement) => EChartsType,
): void {
  useEffect(() => {
    if (holder.current === null) return;
    const instance = init(holder.current);
    drawn.current = instance;
    const observer = new ResizeObserver(() => instance.resize());
    observer.observe(holder.current);
    return () => {
      observer.disconnect();
      instance.dispose();
      drawn.current = null;
    };
  }, [holder, drawn, init]);
}
