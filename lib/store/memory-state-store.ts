/** State in memory: for tests, and the reference for the others. */
import type { UnixNanos } from '#lib/base/units.ts';
import { compareInstants } from '#lib/table/instants.ts';
import type {
  Annotation,
  DocumentKind,
  DocumentQuery,
  ImportRecord,
  LogEntry,
  LogQuery,
  StateChanges,
  StateDocument,
  StateStore,
} from './state-store.ts';

const MAX_ROWS = 10_000;
const FORGOTTEN_AT_ONCE = 1_000;

export class MemoryStateStore implements StateStore {
  readonly #annotations = new Map<string, Annotation>();
  readonly #imports = new Map<string, ImportRecord>();
  readonly #documents = new Map<string, StateDocument>();
  readonly #log = new Map<string, LogEntry>();

  async annotations(
    deployment: string,
    from: UnixNanos,
    to: UnixNanos,
  ): Promise<readonly Annotation[]> {
    return [...this.#annotations.values()]
      .filter(
        (one) => one.deployment === deployment && one.fromUnixNs <= to && one.toUnixNs >= from,
      )
      .sort((a, b) => compareInstants(a.fromUnixNs, b.fromUnixNs) || (a.id < b.id ? -1 : 1));
  }

  async putAnnotation(annotation: Annotation): Promise<void> {
    this.#annotations.set(annotation.id, annotation);
  }

  async deleteAnnotation(id: string): Promise<boolean> {
    return this.#annotations.delete(id);
  }

  async imports(): Promise<readonly ImportRecord[]> {
    return [...this.#imports.values()].sort(
      (a, b) => compareInstants(b.createdUnixNs, a.createdUnixNs) || (a.id < b.id ? -1 : 1),
    );
  }

  async putImport(record: ImportRecord): Promise<void> {
    this.#imports.set(record.id, record);
  }

  async deleteImport(id: string): Promise<boolean> {
    return this.#imports.delete(id);
  }

  async documents(query: DocumentQuery): Promise<readonly StateDocument[]> {
    const { kind, deployment, statuses, sinceUnixNs, limit = MAX_ROWS } = query;
    return [...this.#documents.values()]
      .filter(
        (one) =>
          one.kind === kind &&
          (deployment === undefined || one.deployment === deployment) &&
          (statuses === undefined || statuses.includes(one.status)) &&
          (sinceUnixNs === undefined || one.updatedUnixNs >= sinceUnixNs),
      )
      .sort((a, b) => compareInstants(b.updatedUnixNs, a.updatedUnixNs) || byText(a.id, b.id))
      .slice(0, limit);
  }

  async document(kind: DocumentKind, id: string): Promise<StateDocument | null> {
    return this.#documents.get(JSON.stringify([kind, id])) ?? null;
  }

  async logged(query: LogQuery): Promise<readonly LogEntry[]> {
    const { topic, deployment, subject, fromUnixNs, toUnixNs, order, limit = MAX_ROWS } = query;
    const sign = order === 'newest' ? -1 : 1;
    return [...this.#log.values()]
      .filter(
        (entry) =>
          entry.topic === topic &&
          (deployment === undefined || entry.deployment === deployment) &&
          (subject === undefined || entry.subject === subject) &&
          (fromUnixNs === undefined || entry.atUnixNs >= fromUnixNs) &&
          (toUnixNs === undefined || entry.atUnixNs < toUnixNs),
      )
      .sort(
        (a, b) =>
          sign * compareInstants(a.atUnixNs, b.atUnixNs) ||
          byText(a.subject, b.subject) ||
          byText(a.part, b.part),
      )
      .slice(0, limit);
  }

  async change(changes: StateChanges): Promise<{ readonly removed: number }> {
    let removed = 0;
    for (const one of changes.put ?? []) {
      this.#documents.set(JSON.stringify([one.kind, one.id]), one);
    }
    for (const { kind, id } of changes.remove ?? []) {
      if (this.#documents.delete(JSON.stringify([kind, id]))) removed++;
    }
    for (const entry of changes.log ?? []) this.#log.set(keyOf(entry), entry);
    for (const { topic, beforeUnixNs } of changes.forget ?? []) {
      const old = await this.logged({
        topic,
        toUnixNs: beforeUnixNs,
        order: 'oldest',
        limit: FORGOTTEN_AT_ONCE,
      });
      for (const entry of old) this.#log.delete(keyOf(entry));
    }
    return { removed };
  }

  async close(): Promise<void> {}
}

function keyOf({ topic, atUnixNs, subject, part }: LogEntry): string {
  return JSON.stringify([topic, String(atUnixNs), subject, part]);
}

function byText(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0;
}
