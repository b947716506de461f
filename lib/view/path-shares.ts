/** Where the critical path lies: its largest shares by stage, worker and layer. */
import type { PathSums } from '#lib/api/critical-path.ts';
import { STAGE_COLOURS, stageColourName } from './palette.ts';

export interface PathShare {
  readonly name: string;
  readonly ns: number;
  /** Of the steps' time. */
  readonly ratio: number;
  readonly colour: string;
  readonly look: 'filled' | 'bare';
}

/** By stage, the largest first; what is past `most` is added up as `other`. */
export function stageShares(path: PathSums, most = 7): readonly PathShare[] {
  return firstShares(
    path,
    path.byStage.map(({ stage, ns }) => ({ name: stage, ns })),
    most,
  ).map((share) => ({
    ...share,
    colour: STAGE_COLOURS[stageColourName(share.name)],
    look: share.name === 'gap' ? 'bare' : 'filled',
  }));
}

export function workerShares(
  path: PathSums,
  colourOf: (worker: string) => string,
  most = 6,
): readonly PathShare[] {
  return firstShares(
    path,
    path.byWorker.map(({ worker, ns }) => ({ name: worker, ns })),
    most,
  ).map((share) => ({ ...share, colour: colourOf(share.name), look: 'filled' }));
}

export interface LayerShare {
  readonly layer: number;
  readonly ratio: number;
  /** Over the largest layer's. */
  readonly heightRatio: number;
}

/** In order of layers; what has no layer is left out. */
export function layerShares(path: PathSums): readonly LayerShare[] {
  const layers = path.byLayer.filter(({ layer }) => layer >= 0);
  const largestNs = Math.max(0, ...layers.map(({ ns }) => ns));
  return layers
    .map(({ layer, ns }) => ({
      layer,
      ratio: path.durationNs > 0 ? ns / path.durationNs : 0,
      heightRatio: largestNs > 0 ? ns / largestNs : 0,
    }))
    .sort((a, b) => a.layer - b.layer);
}

function firstShares(
  path: PathSums,
  entries: readonly { readonly name: string; readonly ns: number }[],
  most: number,
): { name: string; ns: number; ratio: number }[] {
  const sorted = [...entries].filter(({ ns }) => ns > 0).sort((a, b) => b.ns - a.ns);
  const shown = sorted.length <= most + 1 ? sorted : sorted.slice(0, most);
  // What would read 0.0 % is left out.
  const leastNs = path.durationNs * 0.0005;
  const restNs = sorted.slice(shown.length).reduce((sum, { ns }) => sum + ns, 0);
  if (restNs > leastNs) shown.push({ name: 'other', ns: restNs });
  return shown.map(({ name, ns }) => ({
    name,
    ns,
    ratio: path.durationNs > 0 ? ns / path.durationNs : 0,
  }));
}
