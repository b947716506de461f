/**
 * At the start: what the journal and the newest packed chunks hold goes into the step ledger, and
 * into the registry of steps, which may lack the last second before a crash.
 */
import type Database from 'better-sqlite3';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { registryOf } from '../append-registry.ts';
import type { StepLedger } from '../step-ledger.ts';
import { readable } from './damage.ts';
import type { Journal } from './journal.ts';
import type { SeenRegistry } from './seen-registry.ts';
import { unpackSteps } from './step-blob.ts';

/** What is read at most: about a fifth of a second. A retry that is older comes as a whole batch. */
const STEPS = 2 ** 17;
const BYTES = 64 * 1024 * 1024;

export function noteStoredSteps(
  database: Database.Database,
  journal: Journal,
  ledger: StepLedger,
  seen: SeenRegistry,
): void {
  const newest = database.prepare<[], { blob: Uint8Array; steps: bigint; blobBytes: bigint }>(
    `SELECT blob, steps, blob_bytes AS blobBytes FROM packed_chunks
     WHERE replaced_by IS NULL ORDER BY seq DESC`,
  );
  let steps = 0;
  let bytes = 0;
  const chunks: PackedTable[] = [];
  for (const chunk of newest.iterate()) {
    const table = readable(() => unpackSteps(chunk.blob).table);
    if (table !== null) chunks.push(table);
    steps += Number(chunk.steps);
    bytes += Number(chunk.blobBytes);
    if (steps >= STEPS || bytes >= BYTES) break;
  }
  // Oldest first, so that the oldest is forgotten first.
  const stored = [...chunks.reverse(), ...journal.rows().map(({ table }) => table)];
  for (const table of stored) ledger.takeNew(table);
  ledger.keep();
  const byDeployment = Map.groupBy(
    stored.filter(({ length }) => length > 0),
    ({ workers, worker }) => workers[worker[0]!]!.deployment,
  );
  database
    .transaction(() => {
      for (const [deployment, tables] of byDeployment) {
        seen.noteSteps(deployment, registryOf([], tables).steps);
      }
    })
    .immediate();
  seen.keep();
}
