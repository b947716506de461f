/** By how much clocks are moved: what is read around a window so that nothing of it is missed. */
import type { UnixNanos } from '#lib/base/units.ts';
import type { ClockAlignment } from '#lib/model/clock-alignment.ts';
import { correctionAt } from '#lib/model/clock-correction.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';

/** The most that any clock is moved by at either end of a window, and a little more; 0: none is. */
export function mostMovedWithin(clocks: ClockAlignment | null, window: TimeWindow): number {
  if (clocks === null) return 0;
  return Math.max(mostMovedNs(clocks, window.fromUnixNs), mostMovedNs(clocks, window.toUnixNs));
}

function mostMovedNs(alignment: ClockAlignment, instant: UnixNanos): number {
  const moved = alignment.domains.map(({ correction }) =>
    correction === null ? 0 : Math.abs(correctionAt(correction, instant, 0)),
  );
  return Math.ceil(Math.max(0, ...moved) * 1.01) + 1;
}
