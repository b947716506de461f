/** All that is kept in one line: how busy the workers were, by stage, for the minimap. */
import type { TimelineTile } from '#lib/api/timeline-client.ts';
import { stageColourIndex } from './timeline-colours.ts';

export interface TimelineOverview {
  readonly fromUnixNs: bigint;
  readonly binNs: number;
  readonly bins: number;
  /** Compute of each colour, over workers and the length of a bin: 0..1, row-major by colour. */
  readonly colours: readonly number[];
  readonly shares: Float32Array;
}

const EVENT_BINS = 512;

export function overviewOf(tile: TimelineTile): TimelineOverview {
  const { header } = tile;
  const { durationNs, startUnixNs } = header.window;
  const isBins = tile.detail === 'bins';
  const binNs = isBins ? header.binNs : Math.max(1, durationNs / EVENT_BINS);
  const bins = Math.max(1, Math.ceil(durationNs / binNs));
  const byStage = header.stages.map((stage) => stageColourIndex(stage, false));
  const colours = [...new Set(byStage)];
  const shares = new Float32Array(colours.length * bins);
  const wholeNs = binNs * Math.max(1, header.rows.length);
  const { stage, stream } = tile.columns;
  for (let at = 0; at < stage.length; at++) {
    if (stream[at] !== 0) continue;
    const bin = isBins
      ? tile.columns.bin[at]!
      : Math.floor(Math.max(0, tile.columns.startNs[at]!) / binNs);
    if (bin >= bins) continue;
    const ns = isBins ? tile.columns.sumNs[at]! : tile.columns.durationNs[at]!;
    const place = colours.indexOf(byStage[stage[at]!]!) * bins + bin;
    shares[place] = shares[place]! + ns / wholeNs;
  }
  return { fromUnixNs: BigInt(startUnixNs), binNs, bins, colours, shares };
}
