import type { Assembled } from '#lib/model/assembled.ts';
import type { WindowNs } from '#lib/model/select-window.ts';
import type { Balance, LayerReport } from './report-types.ts';

export interface PipelineReport {
  readonly layers: readonly LayerReport[];
  readonly balance: Balance | null;
}

/** `microbatches`: how many the window's events name. */
export function reportPipeline(
  _assembled: Assembled,
  _window: WindowNs,
  _microbatches: number,
): PipelineReport {
  return { layers: [], balance: null };
}
