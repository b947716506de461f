/** State in memory: for tests, and the reference for the others. */
import type { UnixNanos } from '#lib/base/units.ts';
import { compareInstants } from '#lib/table/instants.ts';
import type { Annotation, ImportRecord, StateStore } from './state-store.ts';

export class MemoryStateStore implements StateStore {
  readonly #annotations = new Map<string, Annotation>();
  readonly #imports = new Map<string, ImportRecord>();

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

  async close(): Promise<void> {}
}
