/** What alerting left in the database, read once when the collector starts. */
import { type AlertEvent, alertEventSchema } from '#lib/api/alerts.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { openStateReader, type StoreLocation } from '#lib/store/open-store.ts';
import type { StateDocument, StateStore } from '#lib/store/state-store.ts';
import { NoDatabaseError } from '#lib/store/store-errors.ts';

export interface StoredAlertState {
  readonly rules: readonly StateDocument[];
  readonly alerts: readonly StateDocument[];
  readonly silences: readonly StateDocument[];
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
    return { rules: [], alerts: [], silences: [], events: [] };
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
      events: entries.flatMap(
        ({ detail }) => alertEventSchema.safeParse(JSON.parse(detail)).data ?? [],
      ),
    };
  } finally {
    await state.close();
  }
}
