/** Which window somebody asks to freeze. Pure. */
import type { z } from 'zod';
import type { freezeRequestSchema } from '#lib/api/incidents.ts';
import { NS_PER_S, type UnixNanos, unixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';

const DEFAULT_LAST_S = 300;
const MAX_WINDOW_S = 7200;
/** Recording into the future ends by itself all the same. */
const MAX_AHEAD_S = 600;

/** The request cannot be granted; the message says what to change. */
export class FreezeRefusedError extends Error {
  override readonly name = 'FreezeRefusedError';
  readonly parameter: string;

  constructor(parameter: string, message: string) {
    super(message);
    this.parameter = parameter;
  }
}

export type CheckedFreeze = z.output<typeof freezeRequestSchema>;

/** @throws FreezeRefusedError */
export function freezeWindow(request: CheckedFreeze, nowUnixMs: number): TimeWindow {
  const { lastSeconds, fromUnixNs: from, toUnixNs: to } = request;
  if (lastSeconds !== undefined && from !== undefined) {
    throw new FreezeRefusedError('lastSeconds', 'Give lastSeconds or fromUnixNs, not both.');
  }
  const nowUnixNs = unixNanosFromMs(nowUnixMs);
  const toUnixNs = to === undefined ? nowUnixNs : unixNanos(BigInt(to));
  const fromUnixNs =
    from === undefined
      ? before(toUnixNs, (lastSeconds ?? DEFAULT_LAST_S) * NS_PER_S)
      : unixNanos(BigInt(from));
  if (fromUnixNs >= toUnixNs) {
    throw new FreezeRefusedError(
      'toUnixNs',
      'The window is empty: its end must lie after its start.',
    );
  }
  if (toUnixNs - fromUnixNs > BigInt(MAX_WINDOW_S * NS_PER_S)) {
    throw new FreezeRefusedError(
      'fromUnixNs',
      `At most ${MAX_WINDOW_S / 3600} hours can be frozen at once; choose a shorter window.`,
    );
  }
  if (toUnixNs > nowUnixNs + BigInt(MAX_AHEAD_S * NS_PER_S)) {
    throw new FreezeRefusedError(
      'toUnixNs',
      `A window may end at most ${MAX_AHEAD_S / 60} minutes from now.`,
    );
  }
  return { fromUnixNs, toUnixNs };
}

function before(instant: UnixNanos, spanNs: number): UnixNanos {
  return unixNanos(instant - BigInt(Math.round(spanNs)));
}
