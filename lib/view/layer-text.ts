/** What stands out among the layers, in words. */
import { causeLook, isCause } from './cause-look.ts';
import { durationFigure, figureText } from './format.ts';
import type { EndEffect, LayerOutlier } from './layer-findings.ts';
import type { StackKind } from './layer-stack.ts';

const SIDES = { attention: 'attention', ffn: 'FFN' } as const;

/** Below this share of the median an end of the pipeline is like the others. */
const LIKE_OTHERS = 0.1;

export function firstMoeText(effect: EndEffect, kind: StackKind): string {
  const dense =
    effect.denseBefore > 0
      ? ` ${effect.denseBefore} dense ${effect.denseBefore === 1 ? 'layer comes' : 'layers come'} before it.`
      : '';
  return isLikeOthers(effect)
    ? `The first MoE layer, ${effect.layer}, is like the others: ${costText(effect, kind)} there, ${figureText(durationFigure(effect.medianNs))} in the median layer.`
    : `First MoE layer, ${effect.layer}: ${costText(effect, kind)} there${overText(effect)}${dense}`;
}

/** null where it is like the others: the last layer is not asked about. */
export function lastMoeText(effect: EndEffect, kind: StackKind): string | null {
  if (isLikeOthers(effect)) return null;
  return `Last layer, ${effect.layer}: ${costText(effect, kind)} there${overText(effect)}`;
}

function isLikeOthers({ excessNs, medianNs }: EndEffect): boolean {
  return excessNs <= LIKE_OTHERS * medianNs;
}

function costText({ role, ns }: EndEffect, kind: StackKind): string {
  const does = kind === 'causes' ? 'wait' : 'work';
  return `${SIDES[role]} workers ${does} ${figureText(durationFigure(ns))} a step`;
}

function overText({ factor, medianNs, part }: EndEffect): string {
  const times = factor === null ? '' : `, ${factor.toFixed(factor < 10 ? 1 : 0)} times`;
  const most = part === null ? '' : ` Most of it: ${partLabel(part)}.`;
  return `${times} the ${figureText(durationFigure(medianNs))} of the median layer.${most}`;
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
