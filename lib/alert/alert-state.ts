/** What evaluation carries from one look to the next. Plain data: it is stored as it is. */
import type { AlertEvent, AlertJson } from '#lib/api/alerts.ts';

/** One alert as evaluation knows it; silences, acknowledgements and incidents are added by others. */
export interface ActiveAlert
  extends Omit<
    AlertJson,
    'silencedBy' | 'acknowledged' | 'incidentId' | 'flapping' | 'firedCount'
  > {
  /** When the condition was true last; null: kept by missing data alone. */
  readonly lastTrueAtUnixMs: number | null;
}

/** Every pending and firing alert by id, and those that ended within the last while. */
export type AlertBook = ReadonlyMap<string, ActiveAlert>;

/** One step of one alert, as it goes into the history. */
export interface AlertChange {
  readonly alert: ActiveAlert;
  readonly change: Extract<
    AlertEvent['change'],
    'pending' | 'firing' | 'resolved' | 'dropped' | 'inhibited' | 'released'
  >;
  readonly atUnixMs: number;
  readonly detail: string;
}
