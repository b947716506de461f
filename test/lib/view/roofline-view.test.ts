import { expect, test } from 'vitest';
import { roleColour } from '#lib/view/palette.ts';
import { type GroupUtilization, rooflineOf } from '#lib/view/roofline-view.ts';

const H800: GroupUtilization = {
  group: 'ffn',
  role: 'ffn',
  gpu: 'H800',
  busyRatio: 0.9,
  flopsFrom: 'model',
  bytesFrom: 'model',
  flopsPerSecond: 3e14,
  busyFlopsPerSecond: 4e14,
  bytesPerSecond: 2e12,
  busyBytesPerSecond: 2.2e12,
  flopsPerByte: 180,
  precision: 'fp8',
  peakFlopsPerSecond: 1.979e15,
  peakBytesPerSecond: 3.35e12,
  mfuRatio: 0.15,
  mbuRatio: 0.6,
  ridgeFlopsPerByte: 591,
};

test('a roof rises to its ridge and is level from there on; points lie under it', () => {
  const roofline = rooflineOf([H800]);
  expect(roofline?.roofs.map(({ name }) => name)).toEqual(['H800 fp8']);
  const [left, ridge, right] = roofline?.roofs[0]?.path ?? [];
  expect(ridge?.[0]).toBeCloseTo(Math.log10(1.979e15 / 3.35e12) / 4, 9);
  expect(left?.[1]).toBeLessThan(ridge?.[1] ?? 0);
  expect(right).toEqual([1, ridge?.[1]]);
  const point = roofline?.points[0];
  expect(point?.colour).toBe(roleColour('ffn'));
  expect(point?.y).toBeLessThan(ridge?.[1] ?? 0);
});

test('one roof for groups on the same GPU, one each on different ones', () => {
  expect(rooflineOf([H800, { ...H800, group: 'attention' }])?.roofs).toHaveLength(1);
  expect(rooflineOf([H800, { ...H800, gpu: 'H20' }])?.roofs).toHaveLength(2);
});

test('without an intensity or a peak there is nothing to draw', () => {
  expect(rooflineOf([])).toBeNull();
  expect(rooflineOf([{ ...H800, flopsPerByte: null }])).toBeNull();
  expect(rooflineOf([{ ...H800, peakFlopsPerSecond: null }])).toBeNull();
});
