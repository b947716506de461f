/** What stands out among the layers, in words. */
import { causeLook, isCause } from './cause-look.ts';
import { durationFigure, figureText } from './format.ts';
import type { FirstMoeEffect, LayerOutlier } from './layer-findings.ts';
import type { StackKind } from './layer-stack.ts';

const SIDES = { attention: 'attention', ffn: 'FFN' } as const;

/** Below this share of the median the first layer is like the others. */
const LIKE_OTHERS = 0.1;

export function firstMoeText(effect: FirstMoeEffect, kind: StackKind): string {
  const side = SIDES[effect.role];
  const does = kind === 'causes' ? 'wait' : 'work';
  const times = `${figureText(durationFigure(effect.ns))} a step`;
  const usual = figureText(durationFigure(effect.medianNs));
  if (effect.excessNs <= LIKE_OTHERS * effect.medianNs) {
    return `The first MoE layer, ${effect.layer}, is like the others: ${side} workers ${does} ${times} there, ${usual} in the median layer.`;
  }
  const factor =
    effect.factor === null ? '' : `, ${effect.factor.toFixed(effect.factor < 10 ? 1 : 0)} times`;
  const part = effect.part === null ? '' : ` Most of it: ${partLabel(effect.part)}.`;
  const dense =
    effect.denseBefore > 0
      ? ` ${effect.denseBefore} dense ${effect.denseBefore === 1 ? 'layer comes' : 'layers come'} before it.`
      : '';
  return `First MoE layer, ${effect.layer}: ${side} workers ${does} ${times} there${factor} the ${usual} of the median layer.${part}${dense}`;
}

export function outlierText(outlier: LayerOutlier, kind: StackKind): string {
  const over = outlier.medianNs > 0 ? outlier.ns / outlier.medianNs - 1 : null;
  const part = outlier.part === null ? '' : `, most of it ${partLabel(outlier.part)}`;
  const excess = over === null ? '' : ` (+${(100 * over).toFixed(0)} %)`;
  return `${SIDES[outlier.role]} ${kind === 'causes' ? 'waits' : 'works'} ${figureText(durationFigure(outlier.ns))}, others ${figureText(durationFigure(outlier.medianNs))}${excess}${part}`;
}

export function partLabel(name: string): string {
  return isCause(name) ? causeLook(name).label : name;
}
