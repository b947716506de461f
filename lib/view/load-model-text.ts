/** What time is normalised for load by, in words: one sentence a side. */
import type { StragglersAnswer } from '#lib/api/stragglers.ts';
import { durationFigure, figureText, ratioFigure, significant } from './format.ts';

type LoadModel = NonNullable<StragglersAnswer['loadModel']>;

const MEASURES: Readonly<Record<string, string>> = {
  contextTokens: 'context token',
  requests: 'request',
  tokens: 'routed token',
  expertsMaxTokens: 'token of the busiest expert',
};
const SIDES = [
  ['attention', 'attention'],
  ['ffn', 'FFN'],
] as const;

/** `attention: 88.0 µs + 0.347 ns per context token (± 3.8 %)`. Sides without compute are left out. */
export function loadModelTexts(model: LoadModel | null): readonly string[] {
  if (model === null) return [];
  return SIDES.flatMap(([side, name]) => {
    const load = model[side];
    if (load === null) return [];
    if (!load.usable) {
      const isBare = load.loads.every(({ median }) => median === null);
      return [
        `${name}: ${isBare ? 'events carry no load' : 'what load costs is not known'}, all excess counts as the device’s`,
      ];
    }
    const terms = load.loads
      .filter(({ nsPerUnit }) => nsPerUnit > 0)
      .map(({ measure, nsPerUnit }) => `${perUnit(nsPerUnit)} per ${MEASURES[measure] ?? measure}`);
    const error = load.errorRatio === null ? '' : ` (± ${ratioFigure(load.errorRatio).value} %)`;
    return [`${name}: ${[figureText(durationFigure(load.fixedNs)), ...terms].join(' + ')}${error}`];
  });
}

/** Slopes may be far below a nanosecond. */
function perUnit(ns: number): string {
  return ns < 1 ? `${significant(ns)} ns` : figureText(durationFigure(ns));
}
