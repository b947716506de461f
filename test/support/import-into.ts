/** An import into an open store, without threads: what `afdscope import` does without a collector. */
import { statSync } from 'node:fs';
import { basename } from 'node:path';
import { type ImportJob, runImport } from '#collector/import/import-files.ts';
import { newImport } from '#collector/import/import-record.ts';
import { applyImportStep } from '#collector/import/import-steps.ts';
import type { ImportJson } from '#lib/api/imports.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';

let imports = 0;

export function importInto(
  stores: { readonly telemetry: TelemetryStore; readonly state: StateStore },
  paths: readonly string[],
  options: Partial<Pick<ImportJob, 'deployment' | 'kernelsPath'>> = {},
): Promise<ImportJson> {
  const files = paths.map((path) => ({ name: basename(path), sizeBytes: statSync(path).size }));
  const started = newImport(`test-${imports++}`, 1_795_500_000_000 + imports, files);
  return runImport(
    { import: started, paths, deployment: null, kernelsPath: null, ...options },
    {
      step: (step) => applyImportStep(stores.telemetry, stores.state, step),
      progress: () => undefined,
    },
  );
}
