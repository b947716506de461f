/**
 * What people write and bring, and what alerting must remember: annotations, imports, and documents with
 * a log. Always SQLite (or memory in tests). Each store runs `test/lib/store/state-contract.ts`.
 */
import type { UnixNanos } from '#lib/base/units.ts';

export interface Annotation {
  readonly id: string;
  readonly deployment: string;
  readonly fromUnixNs: UnixNanos;
  /** Equal to fromUnixNs for an instant. */
  readonly toUnixNs: UnixNanos;
  readonly author: string;
  readonly text: string;
  readonly createdUnixNs: UnixNanos;
}

/** One import, as its importer wrote it down. */
export interface ImportRecord {
  readonly id: string;
  readonly createdUnixNs: UnixNanos;
  readonly state: 'running' | 'done' | 'failed';
  /** Equal for equal content brought in the same way; '' while it is not known. */
  readonly contentKey: string;
  /** JSON of lib/api/imports.ts. */
  readonly detail: string;
}

/**
 * `alert-rule`: made or changed on the page; `alert`: state of one; `silence`; `incident`;
 * `incident-evidence`: what was frozen; `delivery`: a message to a receiver; `notify-group`: when a group
 * of alerts was told to whom.
 */
export const DOCUMENT_KINDS = [
  'alert-rule',
  'alert',
  'silence',
  'incident',
  'incident-evidence',
  'delivery',
  'notify-group',
] as const;
export type DocumentKind = (typeof DOCUMENT_KINDS)[number];

/** One thing with an identity that changes: the newest version only is kept. */
export interface StateDocument {
  readonly kind: DocumentKind;
  readonly id: string;
  /** '' where it belongs to none. */
  readonly deployment: string;
  /** Such as an alert's `firing`; what it may be is the kind's. */
  readonly status: string;
  readonly createdUnixNs: UnixNanos;
  readonly updatedUnixNs: UnixNanos;
  /** JSON of the kind's schema in lib/api, or of its owner. */
  readonly detail: string;
}

export interface DocumentQuery {
  readonly kind: DocumentKind;
  /** Absent: all. */
  readonly deployment?: string;
  readonly statuses?: readonly string[];
  /** Updated at or after. */
  readonly sinceUnixNs?: UnixNanos;
  /** Absent: 10,000. */
  readonly limit?: number;
}

/** `alert`: an alert's changes; `sample`: a minute of alert samples; `attempt`: tries of a delivery. */
export const LOG_TOPICS = ['alert', 'sample', 'attempt'] as const;
export type LogTopic = (typeof LOG_TOPICS)[number];

/** Something that happened; never changed, but replaced by another of the same (topic, subject, at, part). */
export interface LogEntry {
  readonly topic: LogTopic;
  /** Whose: an alert's id, a deployment, a delivery's id. */
  readonly subject: string;
  readonly deployment: string;
  readonly atUnixNs: UnixNanos;
  /** Tells entries of one subject and instant apart. */
  readonly part: string;
  readonly detail: string;
}

export interface LogQuery {
  readonly topic: LogTopic;
  readonly deployment?: string;
  readonly subject?: string;
  /** Inclusive. */
  readonly fromUnixNs?: UnixNanos;
  /** Exclusive. */
  readonly toUnixNs?: UnixNanos;
  readonly order: 'newest' | 'oldest';
  /** Absent: 10,000. */
  readonly limit?: number;
}

/** Documents and log entries that are written together or not at all. */
export interface StateChanges {
  readonly put?: readonly StateDocument[];
  readonly remove?: readonly { readonly kind: DocumentKind; readonly id: string }[];
  readonly log?: readonly LogEntry[];
  /** Entries of a topic before an instant go; at most 1,000 a call, the oldest first. */
  readonly forget?: readonly { readonly topic: LogTopic; readonly beforeUnixNs: UnixNanos }[];
}

export interface StateStore {
  /** Annotations that overlap [from, to], oldest first. */
  annotations(deployment: string, from: UnixNanos, to: UnixNanos): Promise<readonly Annotation[]>;
  /** Inserts, or replaces the one with the same id. */
  putAnnotation(annotation: Annotation): Promise<void>;
  /** false: there was none. */
  deleteAnnotation(id: string): Promise<boolean>;
  /** Newest first. */
  imports(): Promise<readonly ImportRecord[]>;
  /** Inserts, or replaces the one with the same id. */
  putImport(record: ImportRecord): Promise<void>;
  /** false: there was none. */
  deleteImport(id: string): Promise<boolean>;
  /** By `updatedUnixNs`, newest first, then by id. */
  documents(query: DocumentQuery): Promise<readonly StateDocument[]>;
  document(kind: DocumentKind, id: string): Promise<StateDocument | null>;
  /** By instant in the order asked for, then by subject and part ascending. */
  logged(query: LogQuery): Promise<readonly LogEntry[]>;
  /** One transaction, on the disk when it answers. Says how many of `remove` were there. */
  change(changes: StateChanges): Promise<{ readonly removed: number }>;
  close(): Promise<void>;
}
