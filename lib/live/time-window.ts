/** A span of time, half open. */
import type { UnixNanos } from '#lib/base/units.ts';

export interface TimeWindow {
  readonly fromUnixNs: UnixNanos;
  /** Exclusive. */
  readonly toUnixNs: UnixNanos;
}
