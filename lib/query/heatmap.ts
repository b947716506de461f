/** Worker by layer: `GET /api/v1/deployments/{id}/heatmap`. */
import { layerMatrix } from '#lib/analysis/layer-matrix.ts';
import type { HeatmapAnswer } from '#lib/api/views.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { newestEvents } from './newest-events.ts';
import { heatmapOf } from './pictures.ts';
import type { DeploymentQuestion } from './questions.ts';

export async function heatmap(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<HeatmapAnswer> {
  const { deployment } = question;
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs);
  return { deployment, heatmap: heatmapOf(layerMatrix(assembled, window), deployment) };
}
