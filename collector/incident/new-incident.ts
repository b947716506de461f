/** An incident as it begins: what its record says before anything is known of the window. */
import { randomBytes } from 'node:crypto';
import type { AlertJson } from '#lib/api/alerts.ts';
import { unixMsFromNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { finishAt, firedAt, SETTLE_MS, type WindowConfig, wantedWindow } from './alert-window.ts';
import type { CheckedFreeze } from './freeze-window.ts';
import { type IncidentRecord, windowText } from './incident-record.ts';

/** Of an alert that fires and belongs to no incident yet. */
export function alertRecord(
  alert: AlertJson,
  nowUnixMs: number,
  config: WindowConfig,
): IncidentRecord {
  const { fromUnixMs, toUnixMs, cutNote } = wantedWindow(alert, config);
  const summary = alert.annotations.summary ?? '';
  const isOwn = alert.deployment === '';
  return {
    ...newRecord(nowUnixMs),
    title: (summary === '' ? alert.rule : summary).slice(0, 256),
    deployment: alert.deployment,
    origin: 'alert',
    window: windowText({
      fromUnixNs: unixNanosFromMs(fromUnixMs),
      toUnixNs: unixNanosFromMs(toUnixMs),
    }),
    alertIds: [alert.id],
    rule: alert.rule,
    severity: alert.severity,
    recorder: {
      focusUnixMs: firedAt(alert),
      lastFiredUnixMs: firedAt(alert),
      finishAtUnixMs: isOwn ? nowUnixMs : finishAt(alert, toUnixMs, nowUnixMs),
      firingIds: [alert.id],
      cutNote,
    },
  };
}

/** Of a window that somebody asks to keep. */
export function manualRecord(
  { deployment, title, author, note }: CheckedFreeze,
  window: TimeWindow,
  nowUnixMs: number,
): IncidentRecord {
  const toUnixMs = unixMsFromNanos(window.toUnixNs);
  const seconds = Number(window.toUnixNs - window.fromUnixNs) / 1e9;
  return {
    ...newRecord(nowUnixMs),
    title: title ?? `Frozen by hand: ${seconds >= 1 ? Math.round(seconds) : seconds.toFixed(3)} s`,
    deployment,
    origin: 'manual',
    window: windowText(window),
    alertIds: [],
    rule: null,
    severity: null,
    notes: note === '' ? [] : [{ atUnixMs: nowUnixMs, author, text: note }],
    recorder: {
      focusUnixMs: Math.min(toUnixMs, nowUnixMs),
      lastFiredUnixMs: toUnixMs,
      finishAtUnixMs: toUnixMs + SETTLE_MS,
      firingIds: [],
      cutNote: '',
    },
  };
}

function newRecord(nowUnixMs: number) {
  const stamp = new Date(nowUnixMs).toISOString().replaceAll(/[-:]|\.\d+/g, '');
  return {
    id: `${stamp}-${randomBytes(4).toString('hex')}`,
    status: 'open' as const,
    createdUnixMs: nowUnixMs,
    updatedUnixMs: nowUnixMs,
    endedUnixMs: null,
    evidence: 'recording' as const,
    evidenceNote: '',
    pinnedBytes: null,
    notes: [],
  };
}
