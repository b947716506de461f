import { describe, expect, test } from 'vitest';
import {
  correlationText,
  expertHeadline,
  expertLayerModel,
  loadLine,
  loadPoints,
  mostUnevenLayer,
} from '#lib/view/expert-layer.ts';
import {
  EXPERT_METRICS,
  expertFigure,
  expertModel,
  expertValues,
  ratioOverMean,
} from '#lib/view/expert-map.ts';
import { fitText, scatterOption } from '#lib/view/expert-scatter.ts';
import { figureText } from '#lib/view/format.ts';
import { SURFACES } from '#lib/view/palette.ts';
import { sampleExperts } from './sample-culprits.ts';

const answer = sampleExperts(4, 61);

describe('map', () => {
  test('rank × layer, the hot cell outlined', () => {
    const model = expertModel(answer, 'tokens');
    expect([model.rows.length, model.columns.length]).toEqual([4, 61]);
    expect([...model.outliers]).toEqual([1 * 61 + 20]);
    expect(model.rowTotals[1]).toBeGreaterThan(model.rowTotals[0]!);
  });

  test('max over mean is a quotient, and nothing where nothing was sent', () => {
    const values = expertValues(answer, 'imbalance');
    const at = 61 + 20;
    expect(values[at]).toBeCloseTo(answer.maxTokens[at]! / answer.meanTokens[at]!);
    const bare = sampleExperts(4, 8, { measures: 'tokens' });
    expect(expertValues(bare, 'imbalance').every((value) => value === null)).toBe(true);
    expect(expertModel(bare, 'active').rowTotals).toEqual([null, null, null, null]);
  });

  test('every figure has a unit in words, none in the cells of counts', () => {
    for (const metric of EXPERT_METRICS) expect(expertFigure(metric, 3).unit).not.toBe('');
    expect(expertModel(answer, 'tokens').figureOf(800).unit).toBe('');
    expect(figureText(expertModel(answer, 'time').figureOf(1500))).toBe('1.50 µs');
    expect(ratioOverMean(null).value).toBe('–');
  });
});

describe('experts of a layer', () => {
  test('one row a rank, one column a place in its list', () => {
    const model = expertLayerModel(answer, 20)!;
    expect([model.rows.length, model.columns.length]).toEqual([4, 16]);
    expect([...model.outliers]).toEqual([1 * 16 + 7]);
    expect(model.columnTotals[7]).toBe(model.values[1 * 16 + 7]);
  });

  test('lists of different length: what is missing stays missing', () => {
    const ragged = {
      ...answer,
      experts: answer.experts.map((entry) =>
        entry.workerId === 'ffn/3' ? { ...entry, tokens: entry.tokens.slice(0, 10) } : entry,
      ),
    };
    const model = expertLayerModel(ragged, 5)!;
    expect(model.values.slice(3 * 16 + 10)).toEqual(Array(6).fill(null));
    expect(expertLayerModel(sampleExperts(4, 8, { measures: 'tokens' }), 5)).toBeNull();
  });

  test('the most uneven layer is shown first', () => {
    expect(mostUnevenLayer(answer)).toBe(20);
    expect(mostUnevenLayer(sampleExperts(4, 8, { measures: 'none' }))).toBe(0);
  });
});

describe('load and time', () => {
  test('the fitted line finds the time that the sample was made with', () => {
    const line = loadLine(loadPoints(answer))!;
    expect(line.fixedNs).toBeCloseTo(100_000, 0);
    expect(line.nsPerToken).toBeCloseTo(200, 3);
    expect(fitText(loadPoints(answer))).toBe('100 µs + 200 µs per 1,000 tokens');
  });

  test('without spread there is no line', () => {
    const forced = loadPoints(sampleExperts(4, 8, { forced: true }));
    expect(forced).toHaveLength(32);
    expect(loadLine(forced)).toBeNull();
    expect(loadLine([])).toBeNull();
    expect(scatterOption(forced, null, SURFACES.dark).series).toHaveLength(2);
  });

  test('the chosen layer’s points are a series of their own', () => {
    const { series } = scatterOption(loadPoints(answer), 20, SURFACES.dark);
    expect(series.map(({ id, data }) => [id, data.length])).toEqual([
      ['layers', 60 * 4],
      ['chosen', 4],
      ['fit', 2],
    ]);
  });

  test('what a correlation says', () => {
    expect([0.97, 0.5, 0.1, -0.9, null].map(correlationText)).toEqual([
      'load explains the time',
      'load explains part of it',
      'load does not explain it',
      'load does not explain it',
      'load does not vary',
    ]);
  });
});

test('both definitions of balancedness are there under their own names', () => {
  const terms = expertHeadline(answer.summary!).map(({ term }) => term);
  expect(terms).toContain('vllmBalancedness');
  expect(terms).toContain('sglangBalancedness');
  expect(expertHeadline(answer.summary!)[0]!.note).toBe('worst 1.40 × in L20');
});
