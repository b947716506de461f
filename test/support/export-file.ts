/** Exports of a store in memory, as files, for tests. */
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unixNanos } from '#lib/base/units.ts';
import { exportWindow } from '#lib/query/export.ts';
import { MemoryStateStore } from '#lib/store/memory-state-store.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { batchOf } from './telemetry-batch.ts';

export const EXPORT_NOW = unixNanos(1_900_000_000_000_000_000n);

/** A store with these events, each table a request of its own. */
export async function storeOf(tables: readonly EventTable[]): Promise<MemoryStore> {
  const store = new MemoryStore();
  await store.append(tables.map((events, i) => batchOf(`batch-${i}`, { events: [events] })));
  return store;
}

export interface ExportAsked {
  readonly format: string;
  readonly deployment: string;
  readonly from?: string;
  readonly to?: string;
  readonly workers?: string;
  readonly options?: Readonly<Record<string, string>>;
}

export async function exportBytes(telemetry: TelemetryReader, asked: ExportAsked): Promise<Buffer> {
  const state = new MemoryStateStore();
  const stores = { telemetry, state: async () => state };
  const { pieces } = await exportWindow(stores, asked, EXPORT_NOW, '0.0.0-test');
  const all: Uint8Array[] = [];
  for await (const piece of pieces) all.push(piece);
  return Buffer.concat(all);
}

/** Writes the bytes to a file that is gone after `use`. */
export async function asFile<T>(
  bytes: Uint8Array,
  use: (path: string) => Promise<T>,
  name = 'export',
): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'afdscope-export-'));
  try {
    const path = join(folder, name);
    await writeFile(path, bytes);
    return await use(path);
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}
