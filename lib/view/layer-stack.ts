/**
 * The layers as stacked bars: attention above the axis, FFN below, so that what one side does while
 * the other waits stands at the same place.
 *
 *      ▄  █  █   attention   stages, or causes of waiting: ns a worker and step
 *     ─────────
 *      ▀  █  ▀   FFN
 */
import type { CauseName, WaitLayer, Waits } from '#lib/api/waits.ts';
import { CAUSES, causeColour } from './cause-look.ts';
import { STAGE_COLOURS, stageColourName, type ThemeName } from './palette.ts';

export type StackKind = 'stages' | 'causes';

export interface StackPart {
  /** Stage, or cause. */
  readonly name: string;
  /** Of a worker of the side, per step. */
  readonly ns: number;
}

export interface StackSide {
  readonly parts: readonly StackPart[];
  readonly totalNs: number;
}

export interface StackLayer {
  readonly layer: number;
  /** No experts and no transfer: the layer does not cross the network. */
  readonly isDense: boolean;
  readonly attention: StackSide;
  readonly ffn: StackSide;
}

export interface StackModel {
  readonly kind: StackKind;
  readonly layers: readonly StackLayer[];
  /** Parts in the order in which they lie, from the axis outwards; for the legend. */
  readonly names: readonly string[];
  readonly maxAttentionNs: number;
  readonly maxFfnNs: number;
}

const NOTHING: StackSide = { parts: [], totalNs: 0 };
/** Stages from the axis outwards: what computes, then what moves, then the rest; others by name. */
const STAGE_ORDER: readonly string[] = [
  'attention',
  'dense',
  'gate',
  'expert',
  'shared_expert',
  'combine',
  'sample',
  'collective',
  'a2f',
  'f2a',
  'copy',
  'host',
];

/** What belongs to no layer is left out. */
export function stackModel(waits: Waits, kind: StackKind): StackModel {
  const workers = new Map<string, number>();
  for (const { role } of waits.workers) workers.set(role, (workers.get(role) ?? 0) + 1);
  const byLayer = new Map<number, Map<string, WaitLayer>>();
  for (const entry of waits.layers) {
    if (entry.layer < 0) continue;
    const sides = byLayer.get(entry.layer) ?? new Map<string, WaitLayer>();
    byLayer.set(entry.layer, sides.set(entry.role, entry));
  }
  const side = (entry: WaitLayer | undefined): StackSide => {
    if (entry === undefined) return NOTHING;
    const scale = Math.max(1, waits.steps) * Math.max(1, workers.get(entry.role) ?? 1);
    const parts = kind === 'stages' ? stageParts(entry, scale) : causeParts(entry, scale);
    return { parts, totalNs: parts.reduce((sum, { ns }) => sum + ns, 0) };
  };
  const layers = [...byLayer]
    .sort(([a], [b]) => a - b)
    .map(([layer, sides]) => ({
      layer,
      isDense: isDense([...sides.values()]),
      attention: side(sides.get('attention')),
      ffn: side(sides.get('ffn')),
    }));
  const names = new Set(
    layers.flatMap(({ attention, ffn }) => [...attention.parts, ...ffn.parts].map((p) => p.name)),
  );
  return {
    kind,
    layers,
    names: [...names].sort(kind === 'stages' ? byStage : byCause),
    maxAttentionNs: Math.max(0, ...layers.map(({ attention }) => attention.totalNs)),
    maxFfnNs: Math.max(0, ...layers.map(({ ffn }) => ffn.totalNs)),
  };
}

function stageParts(entry: WaitLayer, scale: number): StackPart[] {
  return entry.stages
    .map(({ stage, totalNs }) => ({ name: stage, ns: totalNs / scale }))
    .filter(({ ns }) => ns > 0)
    .sort((a, b) => byStage(a.name, b.name));
}

function causeParts(entry: WaitLayer, scale: number): StackPart[] {
  return CAUSES.map(({ name }) => ({ name, ns: entry.causes[name] / scale })).filter(
    ({ ns }) => ns > 0,
  );
}

function isDense(sides: readonly WaitLayer[]): boolean {
  return !sides.some(({ stages }) =>
    stages.some(
      ({ stage }) => stage === 'expert' || stage.startsWith('a2f') || stage.startsWith('f2a'),
    ),
  );
}

function byStage(a: string, b: string): number {
  const [left, right] = [orderOf(a), orderOf(b)];
  return left !== right ? left - right : a < b ? -1 : a > b ? 1 : 0;
}

function orderOf(stage: string): number {
  const at = STAGE_ORDER.indexOf(stageColourName(stage));
  return stageColourName(stage) === 'host' && stage !== 'host' ? STAGE_ORDER.length : at;
}

function byCause(a: string, b: string): number {
  return CAUSES.findIndex(({ name }) => name === a) - CAUSES.findIndex(({ name }) => name === b);
}

export interface PartLook {
  readonly label: string;
  readonly colour: string;
  readonly look: 'filled' | 'hatched' | 'bare';
}

/** How a part of a stack looks; `role`: of the side that it lies on. */
export function partLook(kind: StackKind, name: string, role: string, theme: ThemeName): PartLook {
  if (kind === 'stages') {
    return { label: name, colour: STAGE_COLOURS[stageColourName(name)], look: 'filled' };
  }
  const cause = CAUSES.find((entry) => entry.name === name);
  return {
    label: cause?.label ?? name,
    colour: causeColour(name as CauseName, role, theme),
    look: name === 'unknownNs' ? 'bare' : 'hatched',
  };
}
