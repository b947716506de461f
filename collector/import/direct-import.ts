/** An import without a running collector: takes the folder's lock and writes itself. */

import type { ImportJson } from '#lib/api/imports.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import { type ImportJob, runImport } from './import-files.ts';
import { applyImportStep } from './import-steps.ts';

/** @throws DataFolderLockedError where a collector runs, and what else keeps a store from opening */
export async function importDirectly(
  place: { readonly data: string; readonly store: string },
  job: ImportJob,
  progress: (state: ImportJson) => void,
): Promise<ImportJson> {
  const telemetry = await openTelemetryWriter({ ...place, unpacker: new PackedUnpacker() });
  try {
    const state = await openStateWriter(place);
    try {
      return await runImport(job, {
        step: (step) => applyImportStep(telemetry, state, step),
        progress,
      });
    } finally {
      await state.close();
    }
  } finally {
    await telemetry.close();
  }
}
