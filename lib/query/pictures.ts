/** Heat map, strip and breakdown: from what the analysis found to what the API sends. */
import type { Breakdown as LayerBreakdown } from '#lib/analysis/breakdown.ts';
import type { LayerMatrix } from '#lib/analysis/layer-matrix.ts';
import type { StepBoxes } from '#lib/analysis/newest-step.ts';
import type { Breakdown } from '#lib/api/breakdown.ts';
import type { Heatmap, Strip } from '#lib/api/live-event.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { windowJson } from './window.ts';

/** null: no step, or no layer, to show. */
export function heatmapOf(matrix: LayerMatrix, deployment: string): Heatmap | null {
  if (matrix.steps === 0 || matrix.layers.length === 0) return null;
  return {
    kind: 'heatmap',
    deployment,
    steps: matrix.steps,
    workers: matrix.workers.map((worker) => ({ ...worker })),
    layers: [...matrix.layers],
    bubbleNs: [...matrix.bubbleNs],
    durationNs: [...matrix.durationNs],
    waitNs: [...matrix.waitNs],
  };
}

export function stripOf(boxes: StepBoxes | null, deployment: string): Strip | null {
  if (boxes === null || boxes.row.length === 0) return null;
  return {
    kind: 'strip',
    deployment,
    domain: boxes.domain,
    step: boxes.step,
    startUnixNs: String(boxes.startUnixNs),
    durationNs: boxes.durationNs,
    shownLayers: boxes.shownLayers,
    layers: boxes.layers,
    rows: boxes.rows.map((row) => ({ ...row })),
    hiddenWorkers: boxes.hiddenWorkers,
    stages: [...boxes.stages],
    kinds: [...boxes.kinds],
    row: [...boxes.row],
    startNs: [...boxes.startNs],
    boxDurationNs: [...boxes.boxDurationNs],
    layer: [...boxes.layer],
    microbatch: [...boxes.microbatch],
    stage: [...boxes.stage],
    boxKind: [...boxes.boxKind],
  };
}

export function breakdownAnswer(
  breakdown: LayerBreakdown,
  deployment: string,
  window: TimeWindow,
): Breakdown {
  return {
    deployment,
    window: windowJson(window),
    steps: breakdown.steps,
    microbatches: breakdown.microbatches.length,
    layers: breakdown.byLayer.map((layer) => ({ ...layer })),
    // A pair of layer and micro-batch that never occurred has nothing to say.
    cells: breakdown.cells.filter(hasSample).map((cell) => ({ ...cell })),
  };
}

function hasSample(cell: LayerBreakdown['cells'][number]): boolean {
  const { layer: _layer, microbatch: _microbatch, count, ...times } = cell;
  return count > 0 || Object.values(times).some((ns) => ns !== null);
}
