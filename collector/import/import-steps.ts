/** What an import asks of the store, as plain data: done by the thread that holds the writers. */
import type { Annotation, ImportRecord, StateStore } from '#lib/store/state-store.ts';
import type { Pin, TelemetryBatch, TelemetryStore } from '#lib/store/telemetry-store.ts';

export type ImportStep =
  /** Is the same content there, and which deployments do senders report to? */
  | { readonly kind: 'look'; readonly contentKey: string }
  | { readonly kind: 'list' }
  | { readonly kind: 'put'; readonly record: ImportRecord }
  | { readonly kind: 'store'; readonly pins: readonly Pin[]; readonly batch: TelemetryBatch }
  | { readonly kind: 'annotate'; readonly annotations: readonly Annotation[] }
  /** Gives the events to retention and forgets the import. */
  | { readonly kind: 'remove'; readonly id: string };

export interface ImportStepAnswer {
  /** `look`: the finished import of the same content; `list`: all, newest first. */
  readonly records: readonly ImportRecord[];
  /** `look`: deployments with events that were not imported. */
  readonly liveDeployments: readonly string[];
  /** `store`: the batch was there before; `remove`: there was such an import. */
  readonly found: boolean;
  /** `remove`: windows that retention may take from now on. */
  readonly unpinned: number;
}

const NOTHING: ImportStepAnswer = { records: [], liveDeployments: [], found: false, unpinned: 0 };

/** Batches of one content: their ids begin so. */
export function batchPrefix(contentKey: string): string {
  return `import:${contentKey}:`;
}

/** Pins of one import: their ids begin so. */
export function pinPrefix(importId: string): string {
  return `import/${importId}/`;
}

/** @throws StoreUnavailableError */
export async function applyImportStep(
  telemetry: TelemetryStore,
  state: StateStore,
  step: ImportStep,
): Promise<ImportStepAnswer> {
  switch (step.kind) {
    case 'look': {
      const records = (await state.imports()).filter(
        (record) => record.contentKey === step.contentKey && record.state === 'done',
      );
      const totals = await telemetry.ingestTotals();
      const live = totals.filter((row) => row.acceptedEvents > row.importedEvents);
      return { ...NOTHING, records, liveDeployments: live.map(({ deployment }) => deployment) };
    }
    case 'list':
      return { ...NOTHING, records: await state.imports() };
    case 'put':
      await state.putImport(step.record);
      return NOTHING;
    case 'store': {
      // First, so that retention never finds them without.
      for (const { pinId, deployment, fromUnixNs, toUnixNs } of step.pins) {
        await telemetry.pin(pinId, deployment, { fromUnixNs, toUnixNs });
      }
      const [outcome] = await telemetry.append([step.batch], { imported: true });
      return { ...NOTHING, found: outcome?.duplicate === true };
    }
    case 'annotate':
      for (const annotation of step.annotations) await state.putAnnotation(annotation);
      return NOTHING;
    case 'remove':
      return removeImport(telemetry, state, step.id);
  }
}

async function removeImport(
  telemetry: TelemetryStore,
  state: StateStore,
  id: string,
): Promise<ImportStepAnswer> {
  const records = await state.imports();
  const record = records.find((one) => one.id === id);
  const pins = (await telemetry.pins()).filter(({ pinId }) => pinId.startsWith(pinPrefix(id)));
  for (const { pinId } of pins) await telemetry.unpin(pinId);
  if (record === undefined) return { ...NOTHING, unpinned: pins.length };
  // Imported again it is new: its events are going.
  if (record.contentKey !== '') await telemetry.forgetBatches(batchPrefix(record.contentKey));
  await state.deleteImport(id);
  return { ...NOTHING, found: true, unpinned: pins.length };
}
