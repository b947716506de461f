/** The Compare page's view of an answer: choices, words, maps, curves. */
import { expect, test } from 'vitest';
import type { Compare, CompareSide } from '#lib/api/compare.ts';
import { NS_PER_MS, unixNanos } from '#lib/base/units.ts';
import { compareAnswer } from '#lib/query/compare.ts';
import {
  DEFAULT_COMPARE,
  exactSide,
  parseCompare,
  presetOf,
  sameTimeYesterday,
  serializeCompare,
  swapped,
  windowBefore,
} from '#lib/view/compare-choice.ts';
import {
  differenceFigure,
  figureSections,
  figureTable,
  findingWords,
  isDiffering,
  toneOf,
} from '#lib/view/compare-figures.ts';
import { cumulative, quantileOf } from '#lib/view/compare-latency.ts';
import { cellRow, cellTable, compareMap, divergingColour } from '#lib/view/compare-maps.ts';
import { figureText } from '#lib/view/format.ts';
import { contrastRatio } from '#lib/view/palette.ts';
import { sideOf, smallSpec } from '#test/support/compared-world.ts';

const START = unixNanos(1_767_225_600_000_000_000n);
const END = unixNanos(START + 500n * BigInt(NS_PER_MS));

function source(expertNs: number, seed: number, layers = 6) {
  const { assembled } = sideOf(smallSpec({ expertNs, layers }), { steps: 20, seed });
  return { assembled, window: { fromUnixNs: START, toUnixNs: END }, readWhole: true, notes: [] };
}

const answer: Compare = compareAnswer(source(240_000, 1), source(270_000, 2, 7));

test('a link of the timeline opens the page', () => {
  const search = new URLSearchParams('a=x&a.from=1&a.to=2&b=y&b.from=-5m&differs=1');
  const choice = parseCompare(search);
  expect(choice).toEqual({
    a: { deployment: 'x', from: '1', to: '2' },
    b: { deployment: 'y', from: '-5m', to: null },
    onlyDiffering: true,
  });
  const back = new URLSearchParams();
  serializeCompare(choice, back);
  expect(String(back)).toBe(String(search));
  expect(presetOf(choice.b)).toBe('5m');
  expect(presetOf(choice.a)).toBe('own');
  expect(presetOf(DEFAULT_COMPARE.a)).toBe('newest');
  expect(swapped(swapped(choice))).toEqual(choice);
});

test('the window before touches, yesterday is a day away, both as long', () => {
  const side = answer.b as CompareSide;
  expect(windowBefore(side)).toEqual({
    deployment: 'demo',
    from: String(START - 500_000_000n),
    to: String(START),
  });
  const day = 86_400_000_000_000n;
  expect(sameTimeYesterday(side)).toEqual({
    deployment: 'demo',
    from: String(START - day),
    to: String(END - day),
  });
  expect(exactSide(side)).toEqual({ deployment: 'demo', from: String(START), to: String(END) });
});

test('differences carry sign and arrow, and nothing is not a direction', () => {
  expect(figureText(differenceFigure('ns', 1_200_000))).toBe('▲ +1.20 ms');
  expect(figureText(differenceFigure('ratio', -0.021))).toBe('▼ −2.1 points');
  expect(figureText(differenceFigure('ratio', 0.00001))).toBe('± 0.0 points');
  expect(figureText(differenceFigure('ns', null))).toBe('–');
});

test('what differs is worse or better by its own measure, in words', () => {
  const base = { q: 0.004, stepsA: 20, stepsB: 20 };
  expect(findingWords({ ...base, finding: 'higher', better: 'lower' })).toBe('worse, sure');
  expect(findingWords({ ...base, finding: 'higher', better: 'higher' })).toBe('better, sure');
  expect(findingWords({ ...base, finding: 'lower', better: 'neither' })).toBe('lower, sure');
  expect(findingWords({ ...base, q: null, stepsA: 3, finding: 'too-few', better: 'lower' })).toBe(
    'too few steps (3 and 20)',
  );
  expect(toneOf({ finding: 'same', better: 'lower' })).toBe('calm');
});

test('sections hold every figure once; asked for, only those that differ', () => {
  const all = figureSections(answer, false);
  const shown = all.reduce((sum, { figures, hidden }) => sum + figures.length + hidden, 0);
  expect(shown).toBe(answer.headline.length);
  for (const { figures } of figureSections(answer, true)) {
    for (const { finding } of figures) expect(isDiffering(finding)).toBe(true);
  }
  const table = figureTable(answer);
  expect(table).toHaveLength(answer.headline.length + 1);
  for (const row of table) expect(row).toHaveLength(table[0]!.length);
});

test('maps: every cell in its place, the difference relative and signed', () => {
  const { cells } = answer;
  for (const kind of ['a', 'b', 'difference'] as const) {
    const map = compareMap(answer, kind);
    const { model } = map;
    expect(map.at.filter((i) => i >= 0)).toHaveLength(cells.layer.length);
    model.rows.forEach((entry, row) => {
      model.columns.forEach(({ id }, column) => {
        const i = cellRow(map, { row, column });
        if (i < 0) return;
        expect(String(cells.layer[i])).toBe(id);
        expect(cells.group[i]).toBe(entry.group);
        const value = model.values[row * model.columns.length + column];
        if (kind !== 'difference') expect(value).toBe(cells[kind][i]);
        else if (cells.finding[i] === 'higher') expect(value).toBeGreaterThan(0);
      });
    });
  }
  const difference = compareMap(answer, 'difference').model;
  const expert = difference.rows.findIndex(({ label }) => label === 'expert');
  const layer3 = difference.columns.findIndex(({ id }) => id === '3');
  const cell = expert * difference.columns.length + layer3;
  expect(difference.values[cell]).toBeCloseTo(0.125, 1);
  expect(figureText(difference.figureOf(difference.values[cell]!))).toMatch(/^\+1[23]\.\d %$/);
  expect(difference.outliers.has(cell)).toBe(true);
  expect(cellTable(answer)).toHaveLength(cells.layer.length + 1);
});

test('shorter and longer are told apart, and from no difference', () => {
  for (const theme of ['dark', 'light'] as const) {
    const [shorter, none, longer] = [-1, 0, 1].map((value) => divergingColour(value, 1, theme));
    expect(contrastRatio(none!, shorter!)).toBeGreaterThan(3);
    expect(contrastRatio(none!, longer!)).toBeGreaterThan(3);
    expect(shorter).not.toBe(longer);
    expect(divergingColour(-9, 1, theme)).toBe(shorter);
    expect(divergingColour(1, 0, theme)).toBe(none);
  }
});

test('latencies as cumulative shares, and their quantiles', () => {
  expect(cumulative([])).toEqual([]);
  expect(cumulative([3, 5])).toEqual([
    [3, 0],
    [3, 0.5],
    [5, 1],
  ]);
  expect(quantileOf([1, 2, 4], 0.5)).toBe(2);
  expect(quantileOf([1, 2], 0.75)).toBe(1.75);
  expect(quantileOf([], 0.5)).toBe(null);
});
