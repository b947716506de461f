/** Alerts, silences and rules as they stand in the store's documents. */
import { z } from 'zod';
import { type AlertRule, alertRuleSchema } from '#lib/api/alert-rules.ts';
import { alertSchema, type SilenceJson, silenceSchema } from '#lib/api/alerts.ts';

/** What a document of the store holds beside its keys. */
export interface Detailed {
  readonly detail: string;
}

export const storedAlertSchema = alertSchema.extend({
  /** See ActiveAlert. */
  lastTrueAtUnixMs: z.number().nullable(),
});
export type StoredAlert = z.infer<typeof storedAlertSchema>;

const storedSilenceSchema = silenceSchema.omit({ state: true });
export type StoredSilence = z.infer<typeof storedSilenceSchema>;

/** null: another version wrote it. */
export function storedAlert(document: Detailed): StoredAlert | null {
  return storedAlertSchema.safeParse(jsonOf(document)).data ?? null;
}

/** null: another version wrote it. */
export function storedSilence(document: Detailed): StoredSilence | null {
  return storedSilenceSchema.safeParse(jsonOf(document)).data ?? null;
}

/** null: another version wrote it. */
export function storedRule(document: Detailed): AlertRule | null {
  return alertRuleSchema.safeParse(jsonOf(document)).data ?? null;
}

export function silenceAt(silence: StoredSilence, nowUnixMs: number): SilenceJson {
  return { ...silence, state: silenceState(silence, nowUnixMs) };
}

/** Its end is exclusive. */
export function silenceState(
  { startsAtUnixMs, endsAtUnixMs }: StoredSilence,
  nowUnixMs: number,
): SilenceJson['state'] {
  if (nowUnixMs >= endsAtUnixMs) return 'expired';
  return nowUnixMs >= startsAtUnixMs ? 'active' : 'pending';
}

function jsonOf({ detail }: Detailed): unknown {
  try {
    return JSON.parse(detail);
  } catch {
    return null;
  }
}
