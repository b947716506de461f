/**
 * What becomes of an incident's evidence: its window ends and is looked at; all incidents together stay
 * within their bytes, the oldest giving way first.
 */

import { errorText } from '#lib/base/error-text.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { Frozen } from '#lib/query/incidents.ts';
import { QueryFailedError } from '#lib/query/query-pool.ts';
import type { EvidenceSnapshot } from '#lib/query/questions.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import type { EvidenceReader } from './evidence-reader.ts';
import {
  focusOf,
  frozenDocument,
  type IncidentRecord,
  isPinned,
  PIN_MARGIN_NS,
  pinOf,
  windowOf,
  windowText,
} from './incident-record.ts';
import type { IncidentShelf } from './incident-shelf.ts';

export interface KeeperOptions {
  readonly shelf: IncidentShelf;
  readonly evidence: EvidenceReader;
  /** Of all incidents together. */
  readonly maxBytes: number;
  /** Where the limit comes from, for notes. */
  readonly maxBytesText: string;
  readonly setup: () => Frozen['setup'];
  readonly warn: (message: string) => void;
}

const MOST_TRIES = 3;

export class EvidenceKeeper {
  readonly #options: KeeperOptions;
  readonly #tries = new Map<string, number>();

  constructor(options: KeeperOptions) {
    this.#options = options;
  }

  /** The window is over, and its data is there. */
  async finish(record: IncidentRecord, nowUnixMs: number): Promise<void> {
    const { shelf, evidence, setup } = this.#options;
    const frozen = await this.#setupOf(record);
    let rawBytes = 0;
    let missing = 'It is about the collector itself: there are no raw events to keep.';
    let snapshot = NO_SNAPSHOT;
    if (record.deployment !== '') {
      try {
        const { pinId: _pinId, ...pinned } = pinOf(record);
        ({ rawBytes, missing } = await evidence.ask('evidence', pinned));
        const question = { deployment: record.deployment, ...windowOf(record) };
        snapshot = await evidence.ask('evidenceSnapshot', {
          ...question,
          focusUnixNs: focusOf(record),
        });
      } catch (error) {
        if (!this.#givesUp(record.id, error)) return;
        snapshot = {
          ...NO_SNAPSHOT,
          reportNote: `The report could not be made: ${errorText(error)}`,
        };
      }
    }
    const now = shelf.get(record.id);
    // It may have grown meanwhile, or been given up.
    if (now === undefined || now.evidence !== 'recording' || now.window !== record.window) return;
    this.#tries.delete(record.id);
    const evidenceNote = joinedNotes([now.recorder.cutNote, missing]);
    const done: IncidentRecord = {
      ...now,
      evidence: evidenceNote === '' ? 'kept' : 'partial',
      evidenceNote,
      pinnedBytes: rawBytes,
      updatedUnixMs: nowUnixMs,
    };
    shelf.put(done);
    await shelf.save([frozenDocument(done, { ...snapshot, setup: frozen ?? setup() })]);
  }

  async #setupOf({ id }: IncidentRecord): Promise<Frozen['setup'] | null> {
    try {
      return (await this.#options.evidence.ask('incident', { incidentId: id })).setup;
    } catch {
      return null;
    }
  }

  #givesUp(id: string, error: unknown): boolean {
    const tries = (this.#tries.get(id) ?? 0) + 1;
    this.#tries.set(id, tries);
    if (tries < MOST_TRIES && !(error instanceof QueryFailedError && isFinal(error))) return false;
    this.#options.warn(`the report of incident ${id} could not be made: ${errorText(error)}`);
    return true;
  }

  /** Releases the oldest; cuts what records too much, or the last one that is left. */
  async keepWithin(nowUnixMs: number): Promise<void> {
    const { shelf, maxBytes } = this.#options;
    await this.#measureRecording();
    let total = await this.#total();
    for (const record of releaseOrder(shelf.all())) {
      if (total <= maxBytes || shelf.all().filter(isPinned).length === 1) break;
      this.#release(record, 'newer ones needed the room', nowUnixMs);
      total = await this.#total();
    }
    if (total > maxBytes) {
      const left = shelf.all().filter(isPinned);
      const share = Math.floor(maxBytes / left.length);
      for (const record of left) await this.#cut(record, share, nowUnixMs);
    }
    if (!shelf.isSaved) await shelf.save();
  }

  async #measureRecording(): Promise<void> {
    const { shelf, evidence } = this.#options;
    for (const record of shelf.all()) {
      if (!isPinned(record) || (record.evidence !== 'recording' && record.pinnedBytes !== null)) {
        continue;
      }
      const { pinId: _pinId, ...pinned } = pinOf(record);
      const extent = await evidence.ask('evidence', pinned).catch(nullIfUnknown);
      const now = shelf.get(record.id);
      const rawBytes = extent?.rawBytes ?? 0;
      if (now?.window !== record.window || now.pinnedBytes === rawBytes) continue;
      shelf.put({ ...now, pinnedBytes: rawBytes });
    }
  }

  /** Chunks that two incidents keep count once, where windows overlap. */
  async #total(): Promise<number> {
    const { shelf, maxBytes, evidence } = this.#options;
    const held = shelf.all().filter(isPinned);
    const sum = held.reduce((bytes, { pinnedBytes }) => bytes + (pinnedBytes ?? 0), 0);
    if (sum <= maxBytes) return sum;
    let total = 0;
    for (const [deployment, windows] of mergedWindows(held)) {
      for (const window of windows) {
        total += (await evidence.ask('evidence', { deployment, ...window })).rawBytes;
      }
    }
    return total;
  }

  #release(record: IncidentRecord, because: string, nowUnixMs: number): void {
    const { shelf, maxBytesText, warn } = this.#options;
    const now = shelf.get(record.id);
    if (now === undefined || !isPinned(now)) return;
    const at = new Date(nowUnixMs).toISOString().replace('T', ' ').slice(0, 19);
    const why = `Its raw events were given to retention at ${at} UTC: incidents together may keep ${maxBytesText}, and ${because}. The report stays.`;
    shelf.put({
      ...now,
      evidence: 'released',
      evidenceNote: joinedNotes([now.evidenceNote, why]),
      pinnedBytes: 0,
      updatedUnixMs: nowUnixMs,
    });
    warn(`incident ${record.id} was released: ${why}`);
  }

  /** What records ends now, so that what it has fits. */
  async #cut(record: IncidentRecord, maxBytes: number, nowUnixMs: number): Promise<void> {
    const { shelf, evidence, maxBytesText } = this.#options;
    if ((record.pinnedBytes ?? 0) <= maxBytes) return;
    const { pinId: _pinId, ...pinned } = pinOf(record);
    const lastSeen = (await evidence.ask('evidence', pinned)).lastSeenUnixNs;
    const whole = windowOf(record);
    const fit = await evidence.ask('evidenceFit', {
      deployment: record.deployment,
      ...until(whole, lastSeen),
      focusUnixNs: focusOf(record),
      marginNs: PIN_MARGIN_NS,
      maxBytes,
    });
    const now = shelf.get(record.id);
    if (now === undefined || now.window !== record.window) return;
    if (fit === null) return this.#release(now, 'not even a moment of it fits', nowUnixMs);
    const seconds = (window: TimeWindow) =>
      (Number(window.toUnixNs - window.fromUnixNs) / 1e9).toFixed(1);
    const cut = `Of ${seconds(whole)} s, ${seconds(fit)} s around ${now.origin === 'alert' ? 'the alert' : 'its end'} are kept: incidents together may keep ${maxBytesText}.`;
    const cutNote = joinedNotes([now.recorder.cutNote, cut]);
    const isOver = now.evidence !== 'recording';
    shelf.put({
      ...now,
      window: windowText(fit),
      updatedUnixMs: nowUnixMs,
      pinnedBytes: null,
      ...(isOver
        ? { evidence: 'partial' as const, evidenceNote: joinedNotes([now.evidenceNote, cut]) }
        : {}),
      recorder: {
        ...now.recorder,
        finishAtUnixMs: Math.min(now.recorder.finishAtUnixMs, nowUnixMs),
        cutNote,
      },
    });
  }
}

function joinedNotes(notes: readonly string[]): string {
  return notes.filter((note) => note !== '').join(' ');
}

const NO_SNAPSHOT: EvidenceSnapshot = {
  report: null,
  reportNote: 'There is nothing to report on.',
  baseline: null,
  baselineNote: '',
};

/** Asking again brings nothing else. */
function isFinal({ failure }: QueryFailedError): boolean {
  return failure.kind === 'not-found' || failure.kind === 'bad-parameter';
}

/** A deployment that fell silent before anything of it was stored. */
function nullIfUnknown(error: unknown): null {
  if (error instanceof QueryFailedError && error.failure.kind === 'not-found') return null;
  throw error;
}

/** What may be released, the first first: resolved ones, then the oldest; never what records. */
export function releaseOrder(records: readonly IncidentRecord[]): IncidentRecord[] {
  return records
    .filter((record) => isPinned(record) && record.evidence !== 'recording')
    .sort(
      (a, b) =>
        Number(a.status !== 'resolved') - Number(b.status !== 'resolved') ||
        a.createdUnixMs - b.createdUnixMs,
    );
}

/** By deployment, what overlaps in one. */
function mergedWindows(records: readonly IncidentRecord[]): Map<string, TimeWindow[]> {
  const merged = new Map<string, TimeWindow[]>();
  const pins = records.map(pinOf).sort((a, b) => (a.fromUnixNs < b.fromUnixNs ? -1 : 1));
  for (const { deployment, fromUnixNs, toUnixNs } of pins) {
    const windows = merged.get(deployment) ?? [];
    merged.set(deployment, windows);
    const last = windows.at(-1);
    if (last === undefined || fromUnixNs > last.toUnixNs) windows.push({ fromUnixNs, toUnixNs });
    else if (toUnixNs > last.toUnixNs) windows[windows.length - 1] = { ...last, toUnixNs };
  }
  return merged;
}

/** What of the window can be there yet. */
function until(window: TimeWindow, lastSeenUnixNs: UnixNanos): TimeWindow {
  return lastSeenUnixNs > window.fromUnixNs && lastSeenUnixNs < window.toUnixNs
    ? { ...window, toUnixNs: lastSeenUnixNs }
    : window;
}
