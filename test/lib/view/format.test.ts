import { describe, expect, test } from 'vitest';
import {
  ageText,
  bytesFigure,
  countFigure,
  deltaText,
  durationFigure,
  figureText,
  instantText,
  NO_FIGURE,
  ratioFigure,
  significant,
} from '#lib/view/format.ts';

describe('three significant digits', () => {
  test.each([
    [0, '0'],
    [0.1234, '0.123'],
    [0.9996, '1.00'],
    [4.678, '4.68'],
    [9.996, '10.0'],
    [81.94, '81.9'],
    [99.96, '100'],
    [1234.5, '1,235'],
    [-4.678, '-4.68'],
  ])('%d is %s', (value, text) => {
    expect(significant(value)).toBe(text);
  });
});

describe('durations', () => {
  test.each([
    [0, '0 ns'],
    [999.4, '999 ns'],
    [999.6, '1.00 µs'],
    [273_412, '273 µs'],
    [999_499, '999 µs'],
    [999_501, '1.00 ms'],
    [50_000_000, '50.0 ms'],
    [1_500_000_000, '1.50 s'],
    [-2_500, '-2.50 µs'],
  ])('%d ns is %s', (ns, text) => {
    expect(figureText(durationFigure(ns))).toBe(text);
  });

  test('the exact value keeps every digit', () => {
    expect(durationFigure(273_412_345).exact).toBe('273,412,345 ns');
  });

  test('what is missing is a dash, not a zero', () => {
    for (const missing of [null, undefined, Number.NaN, Number.POSITIVE_INFINITY]) {
      expect(durationFigure(missing)).toBe(NO_FIGURE);
      expect(ratioFigure(missing)).toBe(NO_FIGURE);
      expect(countFigure(missing, 'events')).toBe(NO_FIGURE);
      expect(bytesFigure(missing)).toBe(NO_FIGURE);
    }
  });
});

test('ratios are percents with one decimal, and never minus zero', () => {
  expect(figureText(ratioFigure(0.3824))).toBe('38.2 %');
  expect(figureText(ratioFigure(1))).toBe('100.0 %');
  expect(figureText(ratioFigure(-0.0001))).toBe('0.0 %');
});

test('counts take an SI prefix before their unit', () => {
  expect(figureText(countFigure(4_680_000, '/s'))).toBe('4.68 M/s');
  expect(figureText(countFigure(12_345, 'tokens/s'))).toBe('12.3 k tokens/s');
  expect(figureText(countFigure(9_999, 'events'))).toBe('9,999 events');
  expect(figureText(countFigure(612.2, 'W'))).toBe('612 W');
  expect(figureText(countFigure(2_000_000_000, ''))).toBe('2.00 G');
  expect(countFigure(4_680_001, '/s').exact).toBe('4,680,001/s');
});

test('bytes are binary, with the exact number on hover', () => {
  expect(figureText(bytesFigure(1_835_008))).toBe('1.75 MiB');
  expect(bytesFigure(1_835_008).exact).toBe('1,835,008 B');
  expect(figureText(bytesFigure(1023))).toBe('1,023 B');
  expect(figureText(bytesFigure(1024 ** 2))).toBe('1.00 MiB');
});

test('deltas carry sign and arrow', () => {
  expect(deltaText(0.12)).toBe('▲ +12.0 %');
  expect(deltaText(-0.031)).toBe('▼ −3.1 %');
  expect(deltaText(0.0001)).toBe('± 0.0 %');
});

test('ages use the coarsest unit that still tells something', () => {
  expect([0, 119_999, 120_000, 7_200_000, 172_800_000, -5].map(ageText)).toEqual([
    '0 s',
    '119 s',
    '2 min',
    '2 h',
    '2 d',
    '0 s',
  ]);
});

test('instants are local, with UTC for the hover', () => {
  expect(instantText(Date.UTC(2026, 0, 2, 3, 4, 5, 678))).toEqual({
    local: '2026-01-02 03:04:05',
    utc: '2026-01-02T03:04:05.678Z',
  });
});
