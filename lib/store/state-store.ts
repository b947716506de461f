/**
 * What people write and bring: annotations and imports now; rules, silences and incidents join it. Always SQLite (or
 * memory in tests). Each store runs `test/lib/store/state-contract.ts`.
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
  close(): Promise<void>;
}
