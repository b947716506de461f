/** Which window an alert asks for, and whether an incident that there is can take it in. Pure. */
import type { AlertJson } from '#lib/api/alerts.ts';
import { unixMsFromNanos, unixNanosFromMs } from '#lib/base/units.ts';
import { type IncidentRecord, windowOf, windowText } from './incident-record.ts';

export interface WindowConfig {
  readonly beforeMs: number;
  readonly afterMs: number;
}

/** An incident is one trouble: what fires so long after its window is another. */
export const JOIN_WITHIN_MS = 5 * 60_000;
/** However much joins; a longer `before` and `after` are taken as they are configured. */
const MAX_WINDOW_MS = 10 * 60_000;
/** Senders hold data back for some seconds, and figures close some seconds after that. */
export const SETTLE_MS = 15_000;

export interface WantedWindow {
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
  readonly cutNote: string;
}

export function maxWindowMs({ beforeMs, afterMs }: WindowConfig): number {
  return Math.max(MAX_WINDOW_MS, beforeMs + afterMs);
}

export function firedAt({ firedAtUnixMs, updatedAtUnixMs }: AlertJson): number {
  return firedAtUnixMs ?? updatedAtUnixMs;
}

/** From before its trouble began to after it fired; where that is too long, the newest of it. */
export function wantedWindow(alert: AlertJson, config: WindowConfig): WantedWindow {
  const toUnixMs = firedAt(alert) + config.afterMs;
  const beganUnixMs = Math.min(alert.startsAtUnixMs, firedAt(alert));
  const fromUnixMs = beganUnixMs - config.beforeMs;
  const most = maxWindowMs(config);
  if (toUnixMs - fromUnixMs <= most) return { fromUnixMs, toUnixMs, cutNote: '' };
  const began = new Date(beganUnixMs).toISOString().replace('T', ' ').slice(0, 19);
  const cutNote = `The trouble began at ${began} UTC; of the time before its alert fired, the newest is kept (${Math.round(most / 60_000)} minutes in all).`;
  return { fromUnixMs: toUnixMs - most, toUnixMs, cutNote };
}

/** When everything that was sent of the window has come: event clocks may be behind this one. */
export function finishAt(alert: AlertJson, toUnixMs: number, nowUnixMs: number): number {
  const stillToComeMs = Math.max(0, toUnixMs - firedAt(alert));
  return Math.max(toUnixMs, nowUnixMs + stillToComeMs) + SETTLE_MS;
}

/**
 * The incident with the alert in it, its window grown where there is room. null: it is another trouble, or
 * a new alert whose time the window cannot take in any more.
 */
export function joined(
  record: IncidentRecord,
  alert: AlertJson,
  nowUnixMs: number,
  config: WindowConfig,
): IncidentRecord | null {
  if (record.origin !== 'alert' || record.deployment !== alert.deployment) return null;
  if (record.status === 'resolved' || record.evidence === 'released') return null;
  const window = windowOf(record);
  const fromUnixMs = unixMsFromNanos(window.fromUnixNs);
  const toUnixMs = unixMsFromNanos(window.toUnixNs);
  const at = firedAt(alert);
  const newest = Math.max(toUnixMs, record.recorder.lastFiredUnixMs);
  if (at < fromUnixMs || at > newest + JOIN_WITHIN_MS) return null;
  const grown = grownWindow({ fromUnixMs, toUnixMs }, alert, config);
  const isCovered = at < toUnixMs;
  const canGrow = grown !== null && record.recorder.cutNote === '';
  if (!canGrow && !isCovered && !record.alertIds.includes(alert.id)) return null;
  const member = {
    ...record,
    alertIds: [...new Set([...record.alertIds, alert.id])],
    updatedUnixMs: nowUnixMs,
    endedUnixMs: null,
    recorder: {
      ...record.recorder,
      lastFiredUnixMs: Math.max(record.recorder.lastFiredUnixMs, at),
      firingIds: [...new Set([...record.recorder.firingIds, alert.id])],
    },
  };
  const isLonger = canGrow && (grown.toUnixMs > toUnixMs || grown.fromUnixMs < fromUnixMs);
  if (!isLonger || record.deployment === '') return member;
  return {
    ...member,
    evidence: 'recording',
    evidenceNote: '',
    window: windowText({
      fromUnixNs: unixNanosFromMs(grown.fromUnixMs),
      toUnixNs: unixNanosFromMs(grown.toUnixMs),
    }),
    recorder: {
      ...member.recorder,
      finishAtUnixMs: Math.max(
        record.recorder.finishAtUnixMs,
        finishAt(alert, grown.toUnixMs, nowUnixMs),
      ),
    },
  };
}

type Span = Pick<WantedWindow, 'fromUnixMs' | 'toUnixMs'>;

/** Both windows in one; without the alert's time before it where that is too long. null: no room. */
function grownWindow(old: Span, alert: AlertJson, config: WindowConfig): Span | null {
  const wanted = wantedWindow(alert, config);
  const most = maxWindowMs(config);
  const toUnixMs = Math.max(old.toUnixMs, wanted.toUnixMs);
  if (toUnixMs - old.fromUnixMs > most) return null;
  return {
    fromUnixMs: Math.max(toUnixMs - most, Math.min(old.fromUnixMs, wanted.fromUnixMs)),
    toUnixMs,
  };
}
