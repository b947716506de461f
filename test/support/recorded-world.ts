/** A simulated cluster as a what-if sees it: its recording and how its times grow with load. */
import { keyTimes } from '#lib/analysis/key-times.ts';
import { fitLoadModel } from '#lib/analysis/load-model.ts';
import { type LoadShares, loadShares } from '#lib/analysis/load-share.ts';
import { type Recording, recordingOf } from '#lib/analysis/whatif-recording.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import type { EventTable } from '#lib/table/event-table.ts';

export interface RecordedWorld {
  readonly assembled: Assembled;
  readonly recording: Recording;
  readonly shares: LoadShares;
}

/** All steps of the simulation. */
export function recordWorld(
  spec: PipelineSpec,
  options: { readonly steps: number; readonly seed: number; readonly faults?: Faults },
): RecordedWorld {
  return recordTable(simulateSteps(spec, options), spec.deployment);
}

export function recordTable(table: EventTable, deployment: string): RecordedWorld {
  const assembled = assemble([table], deployment);
  const window = { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs };
  const recording = recordingOf(assembled, window, Number.POSITIVE_INFINITY);
  if (typeof recording === 'string') throw new Error(recording);
  return {
    assembled,
    recording,
    shares: loadShares(fitLoadModel(assembled, keyTimes(assembled))),
  };
}
