/** The colours of a heat map or matrix as a legend of its picture. */
import { type Figure, figureText } from './format.ts';
import { heatColour } from './heat-model.ts';
import type { MatrixModel } from './matrix-model.ts';
import type { ThemeName } from './palette.ts';
import type { LegendMark } from './pen.ts';

/** The ends and the middle of a scale that has a sign. */
export function signedMarks(
  { scaleMax, figureOf }: Pick<MatrixModel, 'scaleMax' | 'figureOf'>,
  colourOf: NonNullable<MatrixModel['colourOf']>,
  theme: ThemeName,
): LegendMark[] {
  return [-scaleMax, 0, scaleMax].map((value, i) => ({
    name: `${['≤ ', '', '≥ '][i]}${figureText(figureOf(value))}`,
    colour: colourOf(value, scaleMax, theme),
    look: 'filled',
  }));
}

/** Nothing, half, and the top of the scale; what lies above has the colour of the top. */
export function heatMarks(
  scaleMax: number,
  figureOf: (value: number) => Figure,
  theme: ThemeName,
): LegendMark[] {
  return [0, scaleMax / 2, scaleMax].map((value, i) => ({
    name: i === 0 ? '0' : `${i === 2 ? '≥ ' : ''}${figureText(figureOf(value))}`,
    colour: heatColour(value, scaleMax, theme),
    look: 'filled',
  }));
}
