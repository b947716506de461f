/** Worker by layer: `GET /api/v1/deployments/{id}/heatmap`. */
import { layerMatrix } from '#lib/analysis/layer-matrix.ts';
import type { HeatmapAnswer } from '#lib/api/views.ts';
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { newestEvents, pictureWindow } from './newest-events.ts';
import { overviewOf } from './overview.ts';
import { heatmapOf } from './pictures.ts';
import type { DeploymentQuestion } from './questions.ts';
import { rollupHeatmap } from './rollup-heatmap.ts';

/** More are not assembled: sums tell of the whole window, and at once. */
const MAX_ASSEMBLED_EVENTS = 250_000;

export async function heatmap(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
  maxEvents: number = MAX_ASSEMBLED_EVENTS,
): Promise<HeatmapAnswer> {
  const { deployment } = question;
  const wanted = await pictureWindow(reader, question, nowUnixNs);
  const { events, workers } = await overviewOf(reader, deployment, wanted);
  if (events > maxEvents) {
    const rolled = await rollupHeatmap(reader, deployment, wanted, workers);
    if (rolled !== null) {
      const { isPart } = rolled;
      const shown = { window: windowOf(rolled.window), isPart };
      return { deployment, heatmap: rolled.heatmap, exactness: 'rollup', ...shown };
    }
  }
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs);
  return {
    deployment,
    heatmap: heatmapOf(layerMatrix(assembled, window), deployment),
    exactness: 'raw',
    window: windowOf(window),
    isPart: window.fromUnixNs > wanted.fromUnixNs,
  };
}

function windowOf({ fromUnixNs, toUnixNs }: TimeWindow) {
  return {
    startUnixNs: String(fromUnixNs),
    endUnixNs: String(toUnixNs),
    durationNs: nanosBetween(fromUnixNs, toUnixNs),
  };
}
