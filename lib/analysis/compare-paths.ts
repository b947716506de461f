/**
 * What the critical paths of the sampled steps are made of, step by step. Of every step the items add up
 * to its latency (critical-path.ts), so what differs between two sides adds up to the difference.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { StepMeans } from './compare-step-means.ts';
import type { SampledSteps } from './compare-steps.ts';
import { CriticalPaths, PATH_KINDS } from './critical-path.ts';
import { GAP_STAGE } from './critical-path-report.ts';
import { indexDependencies } from './dependency-index.ts';

export interface PathItem {
  /** Row of the alignment; '' for gaps, and where roles differ. */
  readonly group: string;
  readonly stage: string;
  readonly kind: string;
  /** By sampled step, ns; 0 where the path does not touch it. */
  readonly values: Float64Array;
  /** By layer (-1: none): mean over the sampled steps, ns. */
  readonly layers: ReadonlyMap<number, number>;
}

export function pathItems(
  assembled: Assembled,
  { rows }: SampledSteps,
  groupOf: readonly string[],
): PathItem[] {
  const { events } = assembled;
  const groups = [...new Set([...groupOf, ''])];
  const groupIndex = groupOf.map((group) => groups.indexOf(group));
  const stages = [...events.stageNames, GAP_STAGE];
  const gap = events.stageNames.length;
  const paths = new CriticalPaths(indexDependencies(assembled));
  const items = new StepMeans(rows.length);
  const layers = new Map<number, Map<number, number>>();
  rows.forEach((step, sample) => {
    paths.walk(step, (startNs, endNs, worker, stage, layer, _, kind) => {
      const group = stage < 0 ? groups.indexOf('') : groupIndex[worker]!;
      const place = group * stages.length + (stage < 0 ? gap : stage);
      const code = place * PATH_KINDS.length + kind;
      items.add(code, sample, endNs - startNs);
      const known = layers.get(code) ?? new Map<number, number>();
      if (known.size === 0) layers.set(code, known);
      known.set(layer, (known.get(layer) ?? 0) + (endNs - startNs) / rows.length);
    });
  });
  return [...items.sums()].map(([code, values]) => {
    const place = Math.floor(code / PATH_KINDS.length);
    return {
      group: groups[Math.floor(place / stages.length)]!,
      stage: stages[place % stages.length]!,
      kind: PATH_KINDS[code % PATH_KINDS.length]!,
      values,
      layers: layers.get(code)!,
    };
  });
}
