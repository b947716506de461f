/** Silences in memory: which there are, and which of them cover an alert now. */
import { randomUUID } from 'node:crypto';
import {
  type StoredSilence,
  silenceAt,
  silenceState,
  storedSilence,
} from '#lib/alert/documents.ts';
import { labelTest } from '#lib/alert/matchers.ts';
import { type SilenceJson, silenceRequestSchema } from '#lib/api/alerts.ts';
import type { Labels, LabelTest } from '#lib/api/matchers.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import { conflict, notFound, type Refusable, refused, wrongBody } from './refusal.ts';

/** Nobody looks after more; a program that makes them without end must not fill the memory. */
const MAX_SILENCES = 1000;
/** Expired ones stay listed for so long. */
const KEPT_MS = 30 * 86_400_000;
/** A silence without an end in sight is forgotten, and so is what it hides. */
const MAX_LENGTH_MS = 366 * 86_400_000;

export interface PlannedSilence {
  readonly silence: SilenceJson;
  readonly document: StateDocument;
}

export class SilenceBook {
  readonly #byId = new Map<string, StoredSilence>();
  readonly #tests = new Map<string, LabelTest>();

  /** Says how many could not be read. */
  load(documents: readonly StateDocument[]): number {
    let unread = 0;
    for (const document of documents) {
      const silence = storedSilence(document);
      if (silence === null) unread++;
      else this.#keep(silence);
    }
    return unread;
  }

  /** What a request asks for, to be written before it counts (`commit`). */
  plan(request: unknown, nowUnixMs: number): Refusable<PlannedSilence> {
    const parsed = silenceRequestSchema.safeParse(request);
    if (!parsed.success) return wrongBody(parsed.error);
    const { id, matchers, startsAtUnixMs, endsAtUnixMs, author, comment } = parsed.data;
    const known = id === undefined ? undefined : this.#byId.get(id);
    if (id !== undefined && known === undefined)
      return notFound(`There is no silence ${id}.`, 'id');
    const test = labelTest(matchers);
    if (!test.ok) return refused(test.error, 'matchers');
    if (test.value({})) {
      return refused('matchers: at least one must need a label that is not empty.', 'matchers');
    }
    if (known !== undefined && silenceState(known, nowUnixMs) === 'expired') {
      return conflict(`Silence ${known.id} has expired; make a new one.`);
    }
    // What has begun keeps its beginning: only the rest of it can change.
    const hasBegun = known !== undefined && known.startsAtUnixMs <= nowUnixMs;
    const begins = hasBegun ? known.startsAtUnixMs : (startsAtUnixMs ?? nowUnixMs);
    if (endsAtUnixMs <= Math.max(nowUnixMs, begins)) {
      return refused('endsAtUnixMs: must lie after its start, and after now.', 'endsAtUnixMs');
    }
    if (endsAtUnixMs - begins > MAX_LENGTH_MS) {
      return refused('endsAtUnixMs: a silence lasts at most a year.', 'endsAtUnixMs');
    }
    if (known === undefined && this.#live(nowUnixMs) >= MAX_SILENCES) {
      return refused(`There are ${MAX_SILENCES} silences already; expire some.`);
    }
    return planned(
      {
        id: known?.id ?? randomUUID(),
        matchers,
        startsAtUnixMs: begins,
        endsAtUnixMs,
        author,
        comment,
        createdUnixMs: known?.createdUnixMs ?? nowUnixMs,
      },
      nowUnixMs,
    );
  }

  /** It ends now; one that has not begun goes the same way. */
  planEnd(id: string, nowUnixMs: number): Refusable<PlannedSilence> {
    const known = this.#byId.get(id);
    if (known === undefined) return notFound(`There is no silence ${id}.`, 'id');
    const endsAtUnixMs = Math.min(known.endsAtUnixMs, nowUnixMs);
    return planned(
      { ...known, startsAtUnixMs: Math.min(known.startsAtUnixMs, endsAtUnixMs), endsAtUnixMs },
      nowUnixMs,
    );
  }

  /** It is on disk: now it counts. */
  commit({ silence }: PlannedSilence): void {
    const { state: _, ...stored } = silence;
    this.#keep(stored);
  }

  /** Ids of the silences that cover an alert with these labels, sorted. */
  covering(labels: Labels, nowUnixMs: number): string[] {
    const ids: string[] = [];
    for (const silence of this.#byId.values()) {
      if (silenceState(silence, nowUnixMs) !== 'active') continue;
      if (this.#tests.get(silence.id)!(labels)) ids.push(silence.id);
    }
    return ids.sort();
  }

  /** For the history of an alert. */
  text(id: string): string {
    const silence = this.#byId.get(id);
    if (silence === undefined) return '';
    const until = new Date(silence.endsAtUnixMs).toISOString();
    return `by ${silence.author} until ${until}: ${silence.comment}`;
  }

  /** Ids of those that expired so long ago that nobody asks for them; they are forgotten here. */
  forgetOld(nowUnixMs: number): string[] {
    const old = [...this.#byId.values()].filter(
      ({ endsAtUnixMs }) => endsAtUnixMs < nowUnixMs - KEPT_MS,
    );
    for (const { id } of old) {
      this.#byId.delete(id);
      this.#tests.delete(id);
    }
    return old.map(({ id }) => id);
  }

  /** One that another version could read, but this cannot, covers nothing. */
  #keep(silence: StoredSilence): void {
    const test = labelTest(silence.matchers);
    this.#byId.set(silence.id, silence);
    this.#tests.set(silence.id, test.ok ? test.value : () => false);
  }

  #live(nowUnixMs: number): number {
    let count = 0;
    for (const silence of this.#byId.values()) {
      if (silenceState(silence, nowUnixMs) !== 'expired') count++;
    }
    return count;
  }
}

function planned(silence: StoredSilence, nowUnixMs: number): Refusable<PlannedSilence> {
  const document: StateDocument = {
    kind: 'silence',
    id: silence.id,
    deployment: '',
    // What it is now follows from its times; a status would have to be kept true.
    status: '',
    createdUnixNs: unixNanosFromMs(silence.createdUnixMs),
    updatedUnixNs: unixNanosFromMs(nowUnixMs),
    detail: JSON.stringify(silence),
  };
  return { ok: true, value: { silence: silenceAt(silence, nowUnixMs), document } };
}
