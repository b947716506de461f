/** An incident as the recorder keeps it: what the API shows, and what it needs to go on after a restart. */
import { z } from 'zod';
import { type IncidentJson, incidentSchema } from '#lib/api/incidents.ts';
import { addNanos, NS_PER_S, type UnixNanos, unixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { Frozen } from '#lib/query/incidents.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import type { Pin, TimeWindow } from '#lib/store/telemetry-store.ts';

const recordSchema = incidentSchema.extend({
  recorder: z.object({
    /** Event time: what must stay where the window is cut. */
    focusUnixMs: z.number(),
    /** Event time of the newest alert that fired in it. */
    lastFiredUnixMs: z.number(),
    /** Wall clock: everything that was sent of the window has come by then. */
    finishAtUnixMs: z.number(),
    /** Of its alerts, those that have not ended. */
    firingIds: z.array(z.string()),
    /** Why less is kept than was asked for; '': all of it is. Such a window does not grow again. */
    cutNote: z.string(),
  }),
});
/** `deployment` '' : about the collector itself, which has no raw events. */
export type IncidentRecord = z.infer<typeof recordSchema>;

/** null: not a record of this version. */
export function recordOf({ detail }: StateDocument): IncidentRecord | null {
  return recordSchema.safeParse(JSON.parse(detail)).data ?? null;
}

export function incidentJson(record: IncidentRecord): IncidentJson {
  return incidentSchema.parse(record);
}

export function recordDocument(record: IncidentRecord): StateDocument {
  return { ...documentBase(record), kind: 'incident', detail: JSON.stringify(record) };
}

export function frozenDocument(record: IncidentRecord, frozen: Frozen): StateDocument {
  return { ...documentBase(record), kind: 'incident-evidence', detail: JSON.stringify(frozen) };
}

function documentBase({ id, deployment, status, createdUnixMs, updatedUnixMs }: IncidentRecord) {
  const createdUnixNs = unixNanosFromMs(createdUnixMs);
  const updatedUnixNs = unixNanosFromMs(updatedUnixMs);
  return { id, deployment, status, createdUnixNs, updatedUnixNs };
}

export function windowOf({ window }: Pick<IncidentRecord, 'window'>): TimeWindow {
  return {
    fromUnixNs: unixNanos(BigInt(window.fromUnixNs)),
    toUnixNs: unixNanos(BigInt(window.toUnixNs)),
  };
}

export function windowText({ fromUnixNs, toUnixNs }: TimeWindow): IncidentRecord['window'] {
  return { fromUnixNs: String(fromUnixNs), toUnixNs: String(toUnixNs) };
}

export function focusOf({ recorder }: IncidentRecord): UnixNanos {
  return unixNanosFromMs(recorder.focusUnixMs);
}

const PIN_PREFIX = 'incident/';
/** So that steps and receives at the edges are whole. */
export const PIN_MARGIN_NS = NS_PER_S;

export function isIncidentPin(pinId: string): boolean {
  return pinId.startsWith(PIN_PREFIX);
}

export function pinIdOf(id: string): string {
  return `${PIN_PREFIX}${id}`;
}

export function isPinned({ evidence, deployment }: IncidentRecord): boolean {
  return evidence !== 'released' && deployment !== '';
}

export function pinOf(record: IncidentRecord): Pin {
  const { fromUnixNs, toUnixNs } = windowOf(record);
  return {
    pinId: pinIdOf(record.id),
    deployment: record.deployment,
    fromUnixNs: addNanos(fromUnixNs, -PIN_MARGIN_NS),
    toUnixNs: addNanos(toUnixNs, PIN_MARGIN_NS),
  };
}
