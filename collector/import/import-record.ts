/** Imports as the store keeps them, and back. */
import { type ImportJson, importSchema } from '#lib/api/imports.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { ImportRecord } from '#lib/store/state-store.ts';

export function newImport(
  id: string,
  createdUnixMs: number,
  files: readonly { readonly name: string; readonly sizeBytes: number }[],
): ImportJson {
  return {
    id,
    state: 'receiving',
    createdUnixMs,
    files: files.map(({ name, sizeBytes }) => ({ name, sizeBytes, error: null })),
    deployments: [],
    events: 0,
    points: 0,
    annotations: 0,
    duplicate: false,
    duplicateEvents: 0,
    rejected: {},
    messages: [],
    warnings: [],
    recognition: null,
    progress: null,
    error: null,
  };
}

export function recordOf(one: ImportJson, contentKey: string): ImportRecord {
  const { id, createdUnixMs, state } = one;
  return {
    id,
    createdUnixNs: unixNanosFromMs(createdUnixMs),
    state: state === 'done' || state === 'failed' ? state : 'running',
    contentKey,
    detail: JSON.stringify(one),
  };
}

/** null: written by a version that wrote it in another way. */
export function parseImport({ detail }: ImportRecord): ImportJson | null {
  try {
    return importSchema.parse(JSON.parse(detail));
  } catch {
    return null;
  }
}

/** An import that a crash or a stop cut off. */
export function interruptedImport(one: ImportJson): ImportJson {
  const error =
    'the collector stopped while it was being stored; at least ' +
    `${one.events} events are there and are kept; import the same files again to store the rest`;
  return { ...one, state: 'failed', progress: null, error };
}
