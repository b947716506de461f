import { describe, expect, test } from 'vitest';
import { CAUSES, causeColour, isCause } from '#lib/view/cause-look.ts';
import { matrixCellAt, matrixLayout, scrollFor } from '#lib/view/matrix-layout.ts';
import {
  foldColumns,
  foldRows,
  isInside,
  marginMax,
  matrixTable,
  maxOf,
  meanOf,
  movedCell,
  scaleMaxOf,
  sumOf,
  valueAt,
} from '#lib/view/matrix-model.ts';
import { outlierLimit } from '#lib/view/outliers.ts';
import { cellCauses, presentCauses, waitMatrixModel } from '#lib/view/wait-matrix.ts';
import { sampleWaits } from './sample-culprits.ts';

const waits = sampleWaits(8, 4, { slowFfn: 2 });
const [byFfn, byAttention] = waits.matrices as [
  (typeof waits.matrices)[number],
  (typeof waits.matrices)[number],
];

describe('wait matrix', () => {
  const model = waitMatrixModel(waits, byFfn, null);

  test('rows waited, columns are the culprits, times are per step', () => {
    expect(model.rows.map(({ id }) => id)).toEqual(
      [0, 1, 2, 3, 4, 5, 6, 7].map((rank) => `attention/${rank}`),
    );
    expect(model.columns.map(({ short }) => short)).toEqual(['0', '1', '2', '3']);
    const at = { row: 5, column: 2 };
    expect(valueAt(model, at)).toBe(byFfn.totalNs[5 * 4 + 2]! / waits.steps);
  });

  test('margins add up to the same total', () => {
    const total = sumOf(byFfn.totalNs) / waits.steps;
    expect(sumOf(model.rowTotals.map((ns) => ns ?? 0))).toBeCloseTo(total, 3);
    expect(sumOf(model.columnTotals.map((ns) => ns ?? 0))).toBeCloseTo(total, 3);
  });

  test('the culprit stands out in every row, and nobody does among equals', () => {
    expect([...model.outliers].map((cell) => cell % 4)).toEqual(Array(8).fill(2));
    expect(waitMatrixModel(waits, byAttention, null).outliers.size).toBe(0);
    const even = sampleWaits(8, 4);
    expect(waitMatrixModel(even, even.matrices[0]!, null).outliers.size).toBe(0);
  });

  test('one cause alone: zero where it has no part', () => {
    const device = waitMatrixModel(waits, byFfn, 'deviceExcessNs');
    expect(device.columnTotals).toEqual([0, 0, 8 * 4e6, 0]);
    expect(waitMatrixModel(waits, byFfn, 'fanInNs').values.every((ns) => ns === 0)).toBe(true);
  });

  test('the causes of a cell add up to it, the largest first', () => {
    const cell = { row: 0, column: 2 };
    const causes = cellCauses(waits, byFfn, cell);
    expect(causes.map(({ look }) => look.name)).toEqual(['deviceExcessNs', 'peerComputeNs']);
    expect(causes.reduce((sum, { ns }) => sum + ns, 0)).toBeCloseTo(valueAt(model, cell)!, 6);
    expect(causes.reduce((sum, { ratio }) => sum + ratio, 0)).toBeCloseTo(1, 12);
    expect(presentCauses(waits)).toEqual(['peerComputeNs', 'deviceExcessNs']);
  });

  test('as a table: a head, a row each, a foot', () => {
    const table = matrixTable(model, 'waited');
    expect(table).toHaveLength(10);
    expect(table.every((row) => row.length === 6)).toBe(true);
    expect(table[0]![0]).toBe('waited');
    expect(table[3]!.slice(1, 5)).toEqual(model.values.slice(8, 12));
  });
});

describe('margins and scale', () => {
  const values = [1, 2, null, null, 4, null];

  test('what is missing is no zero', () => {
    expect(foldRows(values, 2, 3, meanOf)).toEqual([1.5, 4]);
    expect(foldColumns(values, 2, 3, maxOf)).toEqual([1, 4, null]);
  });

  test('even values stand at half of the scale; a single high one has its top', () => {
    expect(scaleMaxOf([10, 10, 10, 10])).toBe(20);
    expect(scaleMaxOf([1, 1, 1, 9])).toBe(9);
    expect(scaleMaxOf([null, null])).toBe(0);
  });

  test('margins on the cells’ scale do not stretch', () => {
    const model = waitMatrixModel(waits, byFfn, null);
    expect(marginMax(model, [3, null, 7])).toBe(7);
    expect(marginMax({ ...model, isOneScale: true }, [3])).toBe(model.scaleMax);
    expect(marginMax(model, [])).toBeGreaterThan(0);
  });

  test('an outlier is over deviations, share of the median and least excess, all three', () => {
    expect(outlierLimit([10, 10, 10, 10], 0)).toBe(12.5);
    expect(outlierLimit([10, 10, 10, 10], 5)).toBe(15);
    expect(outlierLimit([8, 9, 10, 11, 12], 0)).toBeCloseTo(10 + 1.4826 * 4.5);
  });
});

describe.each([
  [8, 4],
  [64, 20],
  [256, 64],
])('layout of %i × %i', (rows, columns) => {
  const big = sampleWaits(rows, columns);
  const model = waitMatrixModel(big, big.matrices[0]!, null);
  const layout = matrixLayout(model, 620);

  test('every cell is found under its own middle', () => {
    for (let row = 0; row < rows; row++) {
      for (let column = 0; column < columns; column++) {
        const x = layout.cellsLeftPx + (column + 0.5) * layout.cellWidthPx;
        const y = layout.rowTopPx[row]! + layout.rowHeightPx / 2;
        expect(matrixCellAt(layout, model, x, y)).toEqual({ row, column });
      }
    }
    expect(matrixCellAt(layout, model, 3, 3)).toBeNull();
    expect(matrixCellAt(layout, model, 300, layout.bodyHeightPx + 5)).toBeNull();
  });

  test('names do not lie on each other, and the first row has one', () => {
    const tops = layout.namedRows.map((row) => layout.rowTopPx[row]!);
    expect(tops[0]).toBe(0);
    for (let i = 1; i < tops.length; i++)
      expect(tops[i]! - tops[i - 1]!).toBeGreaterThanOrEqual(12);
  });

  test('a cell that the keys reach is scrolled into view', () => {
    const viewPx = 460;
    const roomPx = viewPx - layout.headHeightPx;
    let scrollPx = 0;
    for (const row of [0, rows - 1, rows >> 1, 0]) {
      scrollPx = scrollFor(layout, row, scrollPx, viewPx);
      const top = layout.rowTopPx[row]! - scrollPx;
      expect(top).toBeGreaterThanOrEqual(0);
      expect(top + layout.rowHeightPx).toBeLessThanOrEqual(Math.max(roomPx, layout.bodyHeightPx));
    }
  });
});

test('keys move within the matrix and stop at its edges', () => {
  const model = waitMatrixModel(waits, byFfn, null);
  expect(movedCell(model, null, 'ArrowDown')).toEqual({ row: 0, column: 0 });
  expect(movedCell(model, { row: 0, column: 0 }, 'ArrowRight')).toEqual({ row: 0, column: 1 });
  expect(movedCell(model, { row: 0, column: 0 }, 'ArrowUp')).toEqual({ row: 0, column: 0 });
  expect(movedCell(model, { row: 2, column: 1 }, 'End')).toEqual({ row: 2, column: 3 });
  expect(movedCell(model, { row: 2, column: 1 }, 'PageDown')).toEqual({ row: 7, column: 1 });
  expect(movedCell(model, { row: 2, column: 1 }, 'x')).toBeNull();
  expect(isInside(model, { row: 8, column: 0 })).toBe(false);
});

test('every cause has a look of its own on either side', () => {
  for (const role of ['attention', 'ffn']) {
    for (const theme of ['dark', 'light'] as const) {
      const looks = CAUSES.map(({ name }) => causeColour(name, role, theme));
      // Host gaps and unknown share a colour: unknown is bare, not hatched.
      expect(new Set(looks).size).toBe(CAUSES.length - 1);
    }
  }
  expect(isCause('fanInNs')).toBe(true);
  expect(isCause('toString')).toBe(false);
});
