/**
 * Events of a window that may hold too many of them: all, or those of parts that lie evenly over it, each
 * long enough for some whole steps.
 *
 *     window   ├────────────────────────────────────┤
 *     read       ▓▓▓      ▓▓▓      ▓▓▓      ▓▓▓
 */
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { loadWindow } from './load-events.ts';
import { overviewOf } from './overview.ts';

const MAX_PARTS = 12;

/** Steps at the edges of a part are cut, so a part is worth reading from here on. */
const STEPS_OF_A_PART = 8;

/** Steps that are worth a longer wait, where clusters are so large that few fit. */
const WANTED_STEPS = 12;
const MOST = 4;

/** What is read of a window for which rollups promise as many events as may be read. */
const HEADROOM = 0.7;

export interface SpreadEvents {
  readonly tables: readonly EventTable[];
  readonly events: number;
  /** false: parts of it were read. */
  readonly whole: boolean;
}

export async function loadSpread(
  reader: TelemetryReader,
  seen: StoredDeployment,
  window: TimeWindow,
  usualEvents: number,
): Promise<SpreadEvents> {
  const { deployment } = seen;
  const maxEvents = eventsToRead(seen, usualEvents);
  const expected = (await overviewOf(reader, deployment, window)).events;
  if (expected <= 1.5 * maxEvents) {
    const loaded = await loadWindow(reader, deployment, window, maxEvents, 0);
    if (loaded.complete) return { tables: loaded.tables, events: loaded.events, whole: true };
  }
  // Rollups may be late, or say too little of an uneven window: then less of it is tried.
  let share = (HEADROOM * maxEvents) / Math.max(expected, maxEvents);
  for (let tries = 0; tries < 12; tries++, share /= 2) {
    const parts = partsOf(window, share, stepLength(seen));
    const tables: EventTable[] = [];
    let events = 0;
    let complete = true;
    for (const part of parts) {
      const loaded = await loadWindow(reader, deployment, part, maxEvents - events, 0);
      complete &&= loaded.complete;
      if (!complete) break;
      tables.push(...loaded.tables);
      events += loaded.events;
    }
    if (complete) return { tables, events, whole: false };
  }
  return { tables: [], events: 0, whole: false };
}

/** Up to four times as many as usual. */
function eventsToRead({ events, steps }: StoredDeployment, usual: number): number {
  const wanted = steps > 0 ? (WANTED_STEPS * events) / steps : 0;
  return Math.min(MOST * usual, Math.max(usual, Math.ceil(wanted)));
}

function partsOf(
  { fromUnixNs, toUnixNs }: TimeWindow,
  share: number,
  stepNs: number,
): TimeWindow[] {
  const wholeNs = Number(toUnixNs - fromUnixNs);
  const fitting = Math.floor((share * wholeNs) / (STEPS_OF_A_PART * stepNs));
  const count = Math.max(1, Math.min(MAX_PARTS, fitting));
  const partNs = (share * wholeNs) / count;
  return Array.from({ length: count }, (_, i) => {
    const startNs = Math.round(((i + 0.5) * wholeNs) / count - partNs / 2);
    const start = unixNanos(fromUnixNs + BigInt(startNs));
    return { fromUnixNs: start, toUnixNs: unixNanos(start + BigInt(Math.round(partNs))) };
  });
}

/** About how long a step takes, as far as the totals of the store tell. */
function stepLength({ steps, firstSeenUnixNs, lastSeenUnixNs }: StoredDeployment): number {
  const seenNs = Number(lastSeenUnixNs - firstSeenUnixNs);
  if (!(steps > 0) || !(seenNs > 0)) return NS_PER_S / 20;
  return Math.min(NS_PER_S, seenNs / steps);
}
