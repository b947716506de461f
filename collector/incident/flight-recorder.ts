/**
 * The flight recorder: keeps the raw events around what alerts fire on, or people ask to keep, as
 * incidents. It decides at once and in memory (incident-shelf.ts writes), pins before anything else, and
 * looks at a window once it is over (evidence-keeper.ts). All that changes an incident goes through here.
 */
import type { AlertStore, IncidentRecorder } from '#collector/alert/alert-parts.ts';
import type { AlertChange } from '#lib/alert/alert-state.ts';
import { SEVERITIES } from '#lib/api/alert-rules.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { IncidentChange, IncidentJson } from '#lib/api/incidents.ts';
import { errorText } from '#lib/base/error-text.ts';
import { unixMsFromNanos } from '#lib/base/units.ts';
import type { AlertConfig } from '#lib/config/load-config.ts';
import { UnknownIncidentError } from '#lib/query/errors.ts';
import type { Frozen } from '#lib/query/incidents.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import type { Pin, TimeWindow } from '#lib/store/telemetry-store.ts';
import { joined, SETTLE_MS, type WindowConfig } from './alert-window.ts';
import { EvidenceKeeper } from './evidence-keeper.ts';
import type { EvidenceReader } from './evidence-reader.ts';
import { type CheckedFreeze, FreezeRefusedError, freezeWindow } from './freeze-window.ts';
import {
  frozenDocument,
  type IncidentRecord,
  incidentJson,
  isPinned,
  pinOf,
  recordDocument,
  recordOf,
} from './incident-record.ts';
import { IncidentShelf } from './incident-shelf.ts';
import { alertRecord, manualRecord } from './new-incident.ts';
import { PULL_REACH_MS, type PullBoard } from './pull-board.ts';

export interface RecorderOptions {
  readonly store: AlertStore;
  readonly evidence: EvidenceReader;
  readonly config: Pick<AlertConfig, 'recordBeforeNs' | 'recordAfterNs' | 'recordBytes'>;
  /** Raw events of all kinds together (`retention.rawBytes`). */
  readonly rawBytes: number;
  /** Version, configuration without secrets and rules, as they are now. */
  readonly setup: () => Frozen['setup'];
  readonly warn: (message: string) => void;
  /** Absent: workers are asked for nothing. */
  readonly pulls?: Pick<PullBoard, 'ask' | 'withdraw' | 'hasRing'>;
}

/** Pins and live events share one limit: live ones keep at least half of it. */
const MOST_RAW_SHARE = 0.5;
const MEASURE_EVERY_MS = 10_000;
/** What is older goes, resolved ones first: an incident's report takes some hundred kilobytes. */
const MAX_INCIDENTS = 1000;

export class FlightRecorder implements IncidentRecorder {
  readonly #options: RecorderOptions;
  readonly #shelf: IncidentShelf;
  readonly #keeper: EvidenceKeeper;
  readonly #window: WindowConfig;
  readonly #tryAgainAtUnixMs = new Map<string, number>();
  #measuredUnixMs = Number.NEGATIVE_INFINITY;
  #settling: Promise<void> | null = null;
  #stopped = false;
  #warned = '';

  constructor(options: RecorderOptions) {
    const { store, evidence, config, setup, warn, rawBytes } = options;
    this.#options = options;
    this.#shelf = new IncidentShelf(store);
    this.#window = {
      beforeMs: config.recordBeforeNs / 1e6,
      afterMs: config.recordAfterNs / 1e6,
    };
    const maxBytes = Math.min(config.recordBytes, rawBytes * MOST_RAW_SHARE);
    const key = maxBytes < config.recordBytes ? 'half of retention.rawBytes' : 'alerts.recordBytes';
    this.#keeper = new EvidenceKeeper({
      ...{ shelf: this.#shelf, evidence, setup, warn, maxBytes },
      maxBytesText: `${bytesText(maxBytes)} (${key})`,
    });
  }

  /** Of every incident, resolved ones too: they hold bytes. May be called again. */
  start(incidents: readonly StateDocument[]): void {
    for (const document of incidents) {
      const record = recordOf(document);
      if (record !== null) {
        this.#shelf.load(record);
        if (record.evidence === 'recording') this.#pull(record);
      } else {
        this.#options.warn(`incident ${document.id} cannot be read; it is left as it is`);
      }
    }
  }

  /** Sets the pins that a kill kept from being set, and takes back those that nobody wants. */
  async reconcile(): Promise<void> {
    this.#shelf.reconcile(await this.#options.evidence.ask('pins', {}));
    await this.#shelf.save();
  }

  fired(alert: AlertJson, nowUnixMs: number): ReturnType<IncidentRecorder['fired']> {
    const candidates = this.#shelf.all().sort((a, b) => b.createdUnixMs - a.createdUnixMs);
    for (const candidate of candidates) {
      const grown = joined(candidate, alert, nowUnixMs, this.#window);
      if (grown !== null) return this.#recorded(withSeverity(grown, alert), []);
    }
    const record = alertRecord(alert, nowUnixMs, this.#window);
    return this.#recorded(record, [frozenDocument(record, this.#notYet())]);
  }

  #recorded(record: IncidentRecord, more: readonly StateDocument[]) {
    this.#shelf.put(record);
    if (isPinned(record)) this.#pull(record);
    this.#measuredUnixMs = Number.NEGATIVE_INFINITY;
    const pins: readonly Pin[] = isPinned(record) ? [pinOf(record)] : [];
    return { incidentId: record.id, documents: [recordDocument(record), ...more], pins };
  }

  /** An incident stays open when its alerts end: somebody must have looked before it is resolved. */
  follow(changes: readonly AlertChange[], nowUnixMs: number): readonly StateDocument[] {
    const changed = new Map<string, IncidentRecord>();
    for (const { alert, change, atUnixMs } of changes) {
      if (change !== 'resolved' && change !== 'dropped') continue;
      for (const record of this.#shelf.all()) {
        if (!record.recorder.firingIds.includes(alert.id)) continue;
        const firingIds = record.recorder.firingIds.filter((id) => id !== alert.id);
        const next: IncidentRecord = {
          ...record,
          updatedUnixMs: nowUnixMs,
          endedUnixMs: firingIds.length === 0 ? atUnixMs : null,
          recorder: { ...record.recorder, firingIds },
        };
        this.#shelf.put(next);
        changed.set(next.id, next);
      }
    }
    return [...changed.values()].map(recordDocument);
  }

  tick(nowUnixMs: number): void {
    if (this.#settling !== null || this.#stopped) return;
    this.#settling = this.settle(nowUnixMs)
      .then(() => {
        this.#warned = '';
      })
      .catch((error: unknown) => this.#warnOnce(`incidents: ${errorText(error)}`))
      .finally(() => {
        this.#settling = null;
      });
  }

  /** A store that refuses does so every second. */
  #warnOnce(message: string): void {
    if (message !== this.#warned && !this.#stopped) this.#options.warn(message);
    this.#warned = message;
  }

  /** Everything that is due, done when it resolves. Rejects where the store or a query fails. */
  async settle(nowUnixMs: number): Promise<void> {
    if (!this.#shelf.isSaved) await this.#shelf.save();
    for (const record of this.#shelf.all()) {
      if (this.#stopped) return;
      const { evidence, recorder } = record;
      const dueUnixMs = Math.max(
        recorder.finishAtUnixMs,
        this.#tryAgainAtUnixMs.get(record.id) ?? 0,
      );
      if (evidence !== 'recording' || nowUnixMs < dueUnixMs) continue;
      this.#tryAgainAtUnixMs.set(record.id, nowUnixMs + SETTLE_MS);
      await this.#keeper.finish(record, nowUnixMs);
      this.#measuredUnixMs = Number.NEGATIVE_INFINITY;
    }
    if (nowUnixMs - this.#measuredUnixMs < MEASURE_EVERY_MS) return;
    this.#measuredUnixMs = nowUnixMs;
    await this.#keeper.keepWithin(nowUnixMs);
    await this.#forgetOldest();
  }

  async #forgetOldest(): Promise<void> {
    const all = this.#shelf.all();
    const order = all
      .filter(({ evidence }) => evidence !== 'recording')
      .sort(
        (a, b) =>
          Number(a.status !== 'resolved') - Number(b.status !== 'resolved') ||
          a.createdUnixMs - b.createdUnixMs,
      );
    for (const { id } of order.slice(0, Math.max(0, all.length - MAX_INCIDENTS))) {
      await this.#shelf.remove(id);
      this.#options.warn(`incident ${id} was deleted: only the newest ${MAX_INCIDENTS} are kept`);
    }
  }

  /** Ends after what is being written; what was not finished goes on at the next start. */
  async stop(): Promise<void> {
    this.#stopped = true;
    await this.#options.evidence.close();
    await this.#settling;
  }

  /** @throws FreezeRefusedError; QueryFailedError where the deployment is not known */
  async freeze(request: CheckedFreeze, nowUnixMs: number): Promise<IncidentJson> {
    const window = freezeWindow(request, nowUnixMs);
    const { deployment } = request;
    const extent = await this.#options.evidence.ask('evidence', { deployment, ...window });
    const isOver = unixMsFromNanos(window.toUnixNs) <= nowUnixMs;
    if (extent.rawBytes === 0 && isOver && !this.#mayBePulled(deployment, window, nowUnixMs)) {
      const newest = new Date(unixMsFromNanos(extent.lastSeenUnixNs)).toISOString();
      const hint = extent.missing === '' ? `its newest event is of ${newest}` : extent.missing;
      throw new FreezeRefusedError(
        request.fromUnixNs === undefined ? 'lastSeconds' : 'fromUnixNs',
        `No raw events of ${deployment} are kept in this window: ${hint}`,
      );
    }
    const record = manualRecord(request, window, nowUnixMs);
    this.#shelf.put(record);
    try {
      await this.#shelf.save([frozenDocument(record, this.#notYet())]);
    } catch (error) {
      this.#shelf.drop(record.id);
      throw error;
    }
    this.#pull(record);
    this.#measuredUnixMs = Number.NEGATIVE_INFINITY;
    return incidentJson(record);
  }

  /** @throws UnknownIncidentError */
  async change(id: string, change: IncidentChange, nowUnixMs: number): Promise<IncidentJson> {
    const before = this.#shelf.get(id);
    if (before === undefined) throw new UnknownIncidentError(id);
    const { status, title, note, release } = change;
    const added = note === undefined ? [] : [{ atUnixMs: nowUnixMs, ...note }];
    const isReleased = release === true && before.evidence !== 'released';
    const at = new Date(nowUnixMs).toISOString().replace('T', ' ').slice(0, 19);
    const next: IncidentRecord = {
      ...before,
      updatedUnixMs: nowUnixMs,
      ...(status === undefined ? {} : { status }),
      ...(title === undefined ? {} : { title }),
      notes: [...before.notes, ...added],
      ...(isReleased
        ? {
            evidence: 'released' as const,
            evidenceNote: `Its raw events were given to retention by hand at ${at} UTC.`,
            pinnedBytes: 0,
          }
        : {}),
    };
    this.#shelf.put(next);
    if (isReleased) this.#options.pulls?.withdraw(id);
    try {
      await this.#shelf.save();
    } catch (error) {
      const now = this.#shelf.get(id);
      // Others may have changed it meanwhile: only what was asked for here goes back.
      if (now !== undefined) {
        const notes = now.notes.filter((one) => !added.some((mine) => mine === one));
        const { status: oldStatus, title: oldTitle } = before;
        this.#shelf.put({ ...now, notes, status: oldStatus, title: oldTitle });
      }
      throw error;
    }
    return incidentJson(this.#shelf.get(id) ?? next);
  }

  /** false: there is none. */
  async remove(id: string): Promise<boolean> {
    if (this.#shelf.get(id) === undefined) return false;
    this.#options.pulls?.withdraw(id);
    await this.#shelf.remove(id);
    return true;
  }

  /** Asks the deployment's workers for what they hold of the window and did not send. */
  #pull(record: IncidentRecord): void {
    const { fromUnixNs, toUnixNs } = pinOf(record);
    this.#options.pulls?.ask({
      incidentId: record.id,
      deployment: record.deployment,
      window: { fromUnixNs, toUnixNs },
      origin: record.origin,
    });
  }

  #mayBePulled(deployment: string, { toUnixNs }: TimeWindow, nowUnixMs: number): boolean {
    const isRecent = unixMsFromNanos(toUnixNs) >= nowUnixMs - PULL_REACH_MS;
    return isRecent && this.#options.pulls?.hasRing(deployment) === true;
  }

  #notYet(): Frozen {
    return {
      report: null,
      reportNote: 'The window is not over; the report is made some seconds after its end.',
      baseline: null,
      baselineNote: '',
      setup: this.#options.setup(),
    };
  }
}

/** The gravest of its alerts. */
function withSeverity(record: IncidentRecord, alert: AlertJson): IncidentRecord {
  const rank = (name: string | null) => SEVERITIES.findIndex((severity) => severity === name);
  return rank(alert.severity) > rank(record.severity)
    ? { ...record, severity: alert.severity }
    : record;
}

function bytesText(bytes: number): string {
  return bytes >= 1e9 ? `${(bytes / 1e9).toFixed(1)} GB` : `${(bytes / 1e6).toFixed(1)} MB`;
}
