/** What a window's raw events take, and which stretches of time there are any of. */
import { compareInstants } from '#lib/table/instants.ts';
import type { RawExtent, TimeWindow } from './telemetry-store.ts';

export interface StoredSpan extends TimeWindow {
  readonly bytes: number;
}

/** Of the chunks that overlap the window, in any order. */
export function rawExtentOf(chunks: readonly StoredSpan[]): RawExtent {
  let rawBytes = 0;
  const spans: TimeWindow[] = [];
  for (const { fromUnixNs, toUnixNs, bytes } of [...chunks].sort((a, b) =>
    compareInstants(a.fromUnixNs, b.fromUnixNs),
  )) {
    rawBytes += bytes;
    const last = spans.at(-1);
    if (last === undefined || fromUnixNs > last.toUnixNs) spans.push({ fromUnixNs, toUnixNs });
    else if (toUnixNs > last.toUnixNs) spans[spans.length - 1] = { ...last, toUnixNs };
  }
  return { rawBytes, spans };
}
