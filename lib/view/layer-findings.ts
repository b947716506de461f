/** What stands out among the layers: outliers, and what the first MoE layer pays. */
import type { StackLayer, StackModel } from './layer-stack.ts';
import { median } from './median.ts';
import { outlierLimit } from './outliers.ts';

export interface LayerOutlier {
  readonly layer: number;
  readonly role: 'attention' | 'ffn';
  readonly ns: number;
  /** Of the other layers of its kind. */
  readonly medianNs: number;
  /** The part that is most over its own median: a stage, or a cause. */
  readonly part: string | null;
}

const ROLES = ['attention', 'ffn'] as const;

/**
 * Layers over the median of the others by 4.5 robust deviations, a quarter of it and a hundredth of
 * all layers together, worst first. Left out are dense layers, the first that crosses the network,
 * which pays for filling the pipeline, and, where waiting is compared, the last, which drains it.
 */
export function layerOutliers(model: StackModel): readonly LayerOutlier[] {
  const crossing = model.layers.filter(({ isDense }) => !isDense);
  const compared = crossing.slice(1, model.kind === 'causes' ? -1 : undefined);
  const found: LayerOutlier[] = [];
  for (const role of ROLES) {
    const totals = compared.map((layer) => layer[role].totalNs);
    if (totals.length < 4) continue;
    const sum = totals.reduce((a, b) => a + b, 0);
    const limit = outlierLimit(totals, 0.01 * sum);
    for (const layer of compared) {
      const ns = layer[role].totalNs;
      if (ns > limit) {
        found.push({
          layer: layer.layer,
          role,
          ns,
          medianNs: median(totals),
          part: largestExcess(compared, layer, role),
        });
      }
    }
  }
  return found.sort((a, b) => b.ns - b.medianNs - (a.ns - a.medianNs));
}

function largestExcess(
  compared: readonly StackLayer[],
  layer: StackLayer,
  role: 'attention' | 'ffn',
): string | null {
  let best: { name: string; overNs: number } | null = null;
  for (const { name, ns } of layer[role].parts) {
    const overNs = ns - median(compared.map((other) => partNs(other, role, name)));
    if (overNs > (best?.overNs ?? 0)) best = { name, overNs };
  }
  return best?.name ?? null;
}

function partNs(layer: StackLayer, role: 'attention' | 'ffn', name: string): number {
  return layer[role].parts.find((part) => part.name === name)?.ns ?? 0;
}

/** What the layer at an end of the pipeline costs over the others. */
export interface EndEffect {
  readonly layer: number;
  readonly role: 'attention' | 'ffn';
  readonly ns: number;
  /** Median of the other layers that cross the network. */
  readonly medianNs: number;
  readonly excessNs: number;
  /** ns over medianNs; null where the others have none. */
  readonly factor: number | null;
  readonly part: string | null;
  /** Dense layers before it. */
  readonly denseBefore: number;
}

/** The first layer that crosses the network; null where there are too few layers to compare with. */
export function firstMoeEffect(model: StackModel): EndEffect | null {
  const [first, ...others] = model.layers.filter(({ isDense }) => !isDense);
  return first === undefined ? null : endEffect(model, first, others);
}

/** The last one. */
export function lastMoeEffect(model: StackModel): EndEffect | null {
  const crossing = model.layers.filter(({ isDense }) => !isDense);
  const last = crossing.pop();
  return last === undefined ? null : endEffect(model, last, crossing);
}

/** On the side that pays most. From a model of causes: the waiting; of stages: the work. */
function endEffect(
  model: StackModel,
  end: StackLayer,
  others: readonly StackLayer[],
): EndEffect | null {
  if (others.length < 3) return null;
  const effects = ROLES.map((role): EndEffect => {
    const medianNs = median(others.map((layer) => layer[role].totalNs));
    const ns = end[role].totalNs;
    return {
      layer: end.layer,
      role,
      ns,
      medianNs,
      excessNs: ns - medianNs,
      factor: medianNs > 0 ? ns / medianNs : null,
      part: largestExcess(others, end, role),
      denseBefore: model.layers.filter(({ layer, isDense }) => isDense && layer < end.layer).length,
    };
  });
  return effects.reduce((a, b) => (b.excessNs > a.excessNs ? b : a));
}
