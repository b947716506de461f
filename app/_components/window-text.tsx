'use client';

import { durationFigure } from '#lib/view/format.ts';
import { rangeText } from '#lib/view/time-range.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig } from './figure.tsx';

/** Which time the figures are of: a long window is answered by its newest part. */
export function WindowText({
  durationNs,
  liveMs,
}: {
  readonly durationNs: number;
  readonly liveMs: number;
}) {
  const { state } = useDashboard();
  if (state.range.kind === 'live') {
    return (
      <>
        <Fig figure={durationFigure(durationNs)} />, newest {liveMs / 1000} s
      </>
    );
  }
  return (
    <>
      the newest <Fig figure={durationFigure(durationNs)} /> of {rangeText(state.range)}
    </>
  );
}
