/**
 * The alerts that there are, with what evaluation does not know: who looks after them, what silences
 * cover them, how often they fired.
 */
import type { ActiveAlert, AlertBook, AlertChange } from '#lib/alert/alert-state.ts';
import { storedAlert } from '#lib/alert/documents.ts';
import { FLAPPING_TIMES } from '#lib/alert/flapping.ts';
import type { AlertEvent, AlertJson } from '#lib/api/alerts.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { LogEntry, StateDocument } from '#lib/store/state-store.ts';

export type Acknowledgement = NonNullable<AlertJson['acknowledged']>;

interface Extras {
  acknowledged: Acknowledgement | null;
  incidentId: string | null;
  silencedBy: readonly string[];
  /** Of the last 24 hours, ascending. */
  fired: number[];
}

const HOUR_MS = 3_600_000;
const DAY_MS = 24 * HOUR_MS;
/** Times fired that are counted, at most. */
const MAX_FIRED = 1000;

export class AlertMemory {
  readonly #books = new Map<string, Map<string, ActiveAlert>>();
  readonly #extras = new Map<string, Extras>();
  readonly #deploymentOf = new Map<string, string>();

  /** Says how many documents could not be read. `events`: those of the last day. */
  load(documents: readonly StateDocument[], events: readonly AlertEvent[]): number {
    let unread = 0;
    for (const document of documents) {
      const stored = storedAlert(document);
      if (stored === null) {
        unread++;
        continue;
      }
      const {
        silencedBy,
        acknowledged,
        incidentId,
        flapping: _,
        firedCount: __,
        ...alert
      } = stored;
      this.#bookOf(alert.deployment).set(alert.id, alert);
      this.#deploymentOf.set(alert.id, alert.deployment);
      this.#extras.set(alert.id, { silencedBy, acknowledged, incidentId, fired: [] });
    }
    for (const { alertId, change, atUnixMs } of [...events].sort(
      (a, b) => a.atUnixMs - b.atUnixMs,
    )) {
      if (change === 'firing') this.#extrasOf(alertId).fired.push(atUnixMs);
    }
    return unread;
  }

  /** Deployments that have alerts. */
  deployments(): string[] {
    return [...this.#books.keys()];
  }

  book(deployment: string): AlertBook {
    return this.#books.get(deployment) ?? new Map();
  }

  /** What evaluation made of a deployment's alerts; gives the ids of those that are forgotten. */
  replace(deployment: string, book: AlertBook): string[] {
    const gone = [...this.book(deployment).keys()].filter((id) => !book.has(id));
    if (book.size === 0) this.#books.delete(deployment);
    else this.#books.set(deployment, new Map(book));
    for (const id of gone) {
      this.#extras.delete(id);
      this.#deploymentOf.delete(id);
    }
    for (const id of book.keys()) this.#deploymentOf.set(id, deployment);
    return gone;
  }

  /** What a change of state means for the rest: an acknowledgement ends with what it was given for. */
  follow({ alert, change, atUnixMs }: AlertChange): void {
    const extras = this.#extrasOf(alert.id);
    if (change === 'firing') {
      extras.fired.push(atUnixMs);
      if (extras.fired.length > MAX_FIRED) extras.fired.shift();
      extras.incidentId = null;
    }
    if (change === 'resolved' || change === 'dropped') extras.acknowledged = null;
  }

  acknowledge(id: string, acknowledged: Acknowledgement): void {
    this.#extrasOf(id).acknowledged = acknowledged;
  }

  belongsTo(id: string, incidentId: string): void {
    this.#extrasOf(id).incidentId = incidentId;
  }

  silencedBy(id: string): readonly string[] {
    return this.#extras.get(id)?.silencedBy ?? [];
  }

  setSilences(id: string, silences: readonly string[]): void {
    this.#extrasOf(id).silencedBy = silences;
  }

  find(id: string): ActiveAlert | null {
    const deployment = this.#deploymentOf.get(id);
    return deployment === undefined ? null : (this.book(deployment).get(id) ?? null);
  }

  *active(): Iterable<ActiveAlert> {
    for (const book of this.#books.values()) yield* book.values();
  }

  /** As the API has it. */
  json(alert: ActiveAlert, nowUnixMs: number): AlertJson {
    const { lastTrueAtUnixMs: _, ...told } = alert;
    const { acknowledged, incidentId, silencedBy, fired } = this.#extrasOf(alert.id);
    while (fired[0] !== undefined && fired[0] <= nowUnixMs - DAY_MS) fired.shift();
    return {
      ...told,
      silencedBy: [...silencedBy],
      acknowledged,
      incidentId,
      flapping: fired.filter((at) => at > nowUnixMs - HOUR_MS).length >= FLAPPING_TIMES,
      firedCount: fired.length,
    };
  }

  /** All but those that were never more than pending and are over. */
  list(nowUnixMs: number): AlertJson[] {
    const listed: AlertJson[] = [];
    for (const alert of this.active()) {
      if (alert.state === 'resolved' && alert.firedAtUnixMs === null) continue;
      listed.push(this.json(alert, nowUnixMs));
    }
    return listed;
  }

  document(alert: ActiveAlert, nowUnixMs: number): StateDocument {
    const { lastTrueAtUnixMs } = alert;
    return {
      kind: 'alert',
      id: alert.id,
      deployment: alert.deployment,
      status: alert.state,
      createdUnixNs: unixNanosFromMs(alert.startsAtUnixMs),
      updatedUnixNs: unixNanosFromMs(nowUnixMs),
      detail: JSON.stringify({ ...this.json(alert, nowUnixMs), lastTrueAtUnixMs }),
    };
  }

  #bookOf(deployment: string): Map<string, ActiveAlert> {
    const book = this.#books.get(deployment) ?? new Map<string, ActiveAlert>();
    this.#books.set(deployment, book);
    return book;
  }

  #extrasOf(id: string): Extras {
    let extras = this.#extras.get(id);
    if (extras === undefined) {
      extras = { acknowledged: null, incidentId: null, silencedBy: [], fired: [] };
      this.#extras.set(id, extras);
    }
    return extras;
  }
}

/** One line of an alert's history. */
export function alertEvent(
  alert: ActiveAlert,
  change: AlertEvent['change'],
  atUnixMs: number,
  detail: string,
): LogEntry {
  const event: AlertEvent = {
    alertId: alert.id,
    rule: alert.rule,
    severity: alert.severity,
    deployment: alert.deployment,
    labels: alert.labels,
    atUnixMs,
    change,
    value: alert.value,
    detail,
  };
  return {
    topic: 'alert',
    subject: alert.id,
    deployment: alert.deployment,
    atUnixNs: unixNanosFromMs(atUnixMs),
    part: change,
    detail: JSON.stringify(event),
  };
}
