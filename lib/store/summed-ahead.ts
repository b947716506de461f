/** Seconds whose sums hold more appends than all seconds' do (`SummedAhead`). */
import type { SummedAhead } from './telemetry-store.ts';

const NONE: ReadonlySet<number> = new Set();

/** The seconds in which this append is summed already. */
export function secondsThrough(ahead: SummedAhead, sequence: number): ReadonlySet<number> {
  if (ahead.size === 0) return NONE;
  const seconds = new Set<number>();
  for (const [second, through] of ahead) if (through >= sequence) seconds.add(second);
  return seconds;
}
