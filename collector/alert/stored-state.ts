/** What alerting left in the database, read once when the collector starts. */
import { setImmediate } from 'node:timers/promises';
import type { SampleSet } from '#lib/alert/sample.ts';
import { type AlertEvent, alertEventSchema } from '#lib/api/alerts.ts';
import { addNanos, unixNanosFromMs } from '#lib/base/units.ts';
import { minuteOf, setsOfRow } from '#lib/query/sample-rows.ts';
import { openStateReader, type StoreLocation } from '#lib/store/open-store.ts';
import type { LogEntry, StateDocument, StateStore } from '#lib/store/state-store.ts';
import { NoDatabaseError } from '#lib/store/store-errors.ts';

export interface StoredAlertState {
  readonly rules: readonly StateDocument[];
  readonly alerts: readonly StateDocument[];
  readonly silences: readonly StateDocument[];
  /** Messages that wait, those that were settled, and groups that were told. */
  readonly messages: readonly StateDocument[];
  /** Changes of the last day. */
  readonly events: readonly AlertEvent[];
}

const DAY_MS = 86_400_000;
const MAX_EVENTS = 50_000;

/** A store in memory is another thread's: there is nothing yet. */
export async function readAlertState(
  location: StoreLocation,
  nowUnixMs: number,
): Promise<StoredAlertState> {
  let state: StateStore;
  try {
    state = await openStateReader(location);
  } catch (error) {
    if (!(error instanceof NoDatabaseError)) throw error;
    return { rules: [], alerts: [], silences: [], messages: [], events: [] };
  }
  try {
    const entries = await state.logged({
      topic: 'alert',
      order: 'newest',
      fromUnixNs: unixNanosFromMs(nowUnixMs - DAY_MS),
      limit: MAX_EVENTS,
    });
    return {
      rules: await state.documents({ kind: 'alert-rule' }),
      alerts: await state.documents({ kind: 'alert' }),
      silences: await state.documents({ kind: 'silence' }),
      messages: [
        ...(await state.documents({ kind: 'notify-group' })),
        ...(await state.documents({ kind: 'delivery' })),
      ],
      events: entries.flatMap(
        ({ detail }) => alertEventSchema.safeParse(JSON.parse(detail)).data ?? [],
      ),
    };
  } finally {
    await state.close();
  }
}

const ROWS_AT_ONCE = 200;

/** Looks since an instant, deployment by deployment in their order; gives way between pages. */
export async function readSamples(
  location: StoreLocation,
  sinceUnixMs: number,
  take: (set: SampleSet) => void,
): Promise<void> {
  let state: StateStore;
  try {
    state = await openStateReader(location);
  } catch (error) {
    if (!(error instanceof NoDatabaseError)) throw error;
    return;
  }
  try {
    let fromUnixNs = unixNanosFromMs(minuteOf(sinceUnixMs));
    for (;;) {
      // All rows of a minute come together, so that the next page begins with the next minute.
      const page = await state.logged({
        topic: 'sample',
        order: 'oldest',
        fromUnixNs,
        limit: ROWS_AT_ONCE,
      });
      const last = page.at(-1);
      if (last === undefined) return;
      const isEnd = page.length < ROWS_AT_ONCE;
      const whole = isEnd ? page : page.filter(({ atUnixNs }) => atUnixNs < last.atUnixNs);
      const rows = whole.length > 0 ? whole : await wholeMinute(state, last);
      for (const row of rows) for (const set of setsOfRow(row)) take(set);
      if (isEnd) return;
      fromUnixNs = addNanos(rows.at(-1)!.atUnixNs, 1);
      await setImmediate();
    }
  } finally {
    await state.close();
  }
}

function wholeMinute(state: StateStore, { atUnixNs }: LogEntry): Promise<readonly LogEntry[]> {
  return state.logged({
    topic: 'sample',
    order: 'oldest',
    fromUnixNs: atUnixNs,
    toUnixNs: addNanos(atUnixNs, 1),
  });
}
