/** What alerting left in the database: alerts, their history, silences, messages. */
import { silenceAt, storedAlert, storedSilence } from '#lib/alert/documents.ts';
import {
  ALERT_STATES,
  type AlertEvent,
  type AlertHistory,
  type AlertJson,
  type Alerts,
  alertEventSchema,
  type Deliveries,
  deliverySchema,
  type SilenceJson,
} from '#lib/api/alerts.ts';
import { type UnixNanos, unixMsFromNanos } from '#lib/base/units.ts';
import type { StateDocument, StateStore } from '#lib/store/state-store.ts';
import { BadQuestionError } from './errors.ts';
import { parseWindow } from './window.ts';

const DAY_NS = 86_400_000_000_000n;
const MAX_LISTED = 5000;

export interface AlertsQuestion {
  readonly deployment?: string | undefined;
  readonly state?: string | undefined;
}

export interface AlertHistoryQuestion {
  readonly deployment?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  readonly rule?: string | undefined;
  readonly alertId?: string | undefined;
  /** In digits. */
  readonly limit?: string | undefined;
}

export interface LimitQuestion {
  readonly limit?: string | undefined;
}

/**
 * Alerts as they were last written; the collector, while it runs, knows values that are newer. What
 * cannot be read (another version wrote it) is left out.
 */
export async function listAlerts(state: StateStore, question: AlertsQuestion): Promise<Alerts> {
  const wanted = alertStateOf(question.state);
  const documents = await state.documents({
    kind: 'alert',
    ...(question.deployment === undefined ? {} : { deployment: question.deployment }),
    ...(wanted === null ? {} : { statuses: [wanted] }),
  });
  const alerts = documents.flatMap((document) => listedAlert(document) ?? []);
  const newest = await state.logged({ topic: 'sample', order: 'newest', limit: 1 });
  const evaluatedUnixMs = newest[0] === undefined ? null : unixMsFromNanos(newest[0].atUnixNs);
  return { evaluatedUnixMs, alerts };
}

/** null: it cannot be read. */
function listedAlert(document: StateDocument): AlertJson | null {
  const stored = storedAlert(document);
  if (stored === null) return null;
  const { lastTrueAtUnixMs: _, ...alert } = stored;
  return alert;
}

/** null: all. @throws BadQuestionError */
export function alertStateOf(text: string | undefined): (typeof ALERT_STATES)[number] | null {
  if (text === undefined) return null;
  const state = ALERT_STATES.find((name) => name === text);
  if (state !== undefined) return state;
  throw new BadQuestionError('state', `state: write one of ${ALERT_STATES.join(', ')}.`);
}

/** Changes in the window (default: the last 24 hours), the newest first. */
export async function alertHistory(
  state: StateStore,
  question: AlertHistoryQuestion,
  nowUnixNs: UnixNanos,
): Promise<AlertHistory> {
  const limit = limitOf(question);
  const { fromUnixNs, toUnixNs } = parseWindow(question, nowUnixNs);
  const from = fromUnixNs ?? (((toUnixNs ?? nowUnixNs) - DAY_NS) as UnixNanos);
  const wanted = {
    topic: 'alert' as const,
    order: 'newest' as const,
    fromUnixNs: from,
    ...(question.deployment === undefined ? {} : { deployment: question.deployment }),
    ...(question.alertId === undefined ? {} : { subject: question.alertId }),
  };
  const found: AlertEvent[] = [];
  let before = toUnixNs;
  // A rule is no column of the log: read on until there are enough of it.
  for (;;) {
    const page = await state.logged({
      ...wanted,
      ...(before === undefined ? {} : { toUnixNs: before }),
      limit: MAX_LISTED,
    });
    const isLast = page.length < MAX_LISTED;
    const whole = isLast ? page : wholeInstants(page, ({ atUnixNs }) => atUnixNs);
    for (const { detail } of whole) {
      const event = alertEventSchema.safeParse(parsed(detail)).data;
      if (event !== undefined && (question.rule ?? event.rule) === event.rule) found.push(event);
    }
    if (isLast || found.length > limit) break;
    before = whole.at(-1)!.atUnixNs;
  }
  if (found.length <= limit) return { events: found, more: false };
  const events = wholeInstants(found.slice(0, limit + 1), ({ atUnixMs }) => atUnixMs);
  return { events: [...events], more: true };
}

/**
 * Without the rows of the last instant, which may go on: so the next page begins right before it. All of
 * them where there is no other instant.
 */
function wholeInstants<T>(rows: readonly T[], instant: (row: T) => unknown): readonly T[] {
  const last = instant(rows.at(-1)!);
  const end = rows.findIndex((row) => instant(row) === last);
  return end === 0 ? rows : rows.slice(0, end);
}

/** Active ones first, then scheduled ones, then those that expired last. */
export async function listSilences(
  state: StateStore,
  nowUnixNs: UnixNanos,
): Promise<{ silences: SilenceJson[] }> {
  const nowUnixMs = unixMsFromNanos(nowUnixNs);
  const documents = await state.documents({ kind: 'silence', limit: MAX_LISTED });
  const silences = documents.flatMap((document) => {
    const silence = storedSilence(document);
    return silence === null ? [] : silenceAt(silence, nowUnixMs);
  });
  const order = { active: 0, pending: 1, expired: 2 };
  silences.sort(
    (a, b) =>
      order[a.state] - order[b.state] ||
      (a.state === 'expired'
        ? b.endsAtUnixMs - a.endsAtUnixMs
        : a.startsAtUnixMs - b.startsAtUnixMs) ||
      (a.id < b.id ? -1 : 1),
  );
  return { silences };
}

/** The newest first. */
export async function listDeliveries(
  state: StateStore,
  question: LimitQuestion,
): Promise<Deliveries> {
  const limit = limitOf(question);
  const documents = await state.documents({ kind: 'delivery', limit });
  const deliveries = documents.flatMap(
    ({ detail }) => deliverySchema.safeParse(parsed(detail)).data ?? [],
  );
  return { deliveries: deliveries.sort((a, b) => b.createdUnixMs - a.createdUnixMs) };
}

function limitOf({ limit }: LimitQuestion): number {
  if (limit === undefined) return 500;
  const value = /^\d{1,4}$/.test(limit) ? Number(limit) : 0;
  if (value >= 1 && value <= MAX_LISTED) return value;
  throw new BadQuestionError('limit', `limit: write a number from 1 to ${MAX_LISTED}.`);
}

function parsed(json: string): unknown {
  try {
    return JSON.parse(json);
  } catch {
    return null;
  }
}
