/** The heat maps of both sides: cells of (group, stage, part, layer), with what differs. */
import { contrast, judge } from './compare-contrast.ts';
import type { CellDurations } from './compare-durations.ts';
import type { CompareSideSamples } from './compare-side.ts';
import type { Cells, Compared } from './compare-types.ts';

/** Those with the most time; more would not be looked at one by one. */
const MAX_CELLS = 4_000;

export interface ComparedCells {
  readonly cells: Cells;
  readonly hidden: number;
}

export function compareCells(a: CompareSideSamples, b: CompareSideSamples): ComparedCells {
  const pairs = new Map<string, { a?: CellDurations; b?: CellDurations }>();
  const key = (cell: CellDurations): string =>
    JSON.stringify([cell.group, cell.stage, cell.part, cell.layer]);
  for (const cell of a.durations.cells) pairs.set(key(cell), { a: cell });
  for (const cell of b.durations.cells) pairs.set(key(cell), { ...pairs.get(key(cell)), b: cell });
  const all = [...pairs.values()];
  if (all.length > MAX_CELLS) {
    all.sort((x, y) => weight(y) - weight(x));
    all.length = MAX_CELLS;
  }
  const named = all.map((pair) => ({ ...pair, cell: (pair.a ?? pair.b)! }));
  named.sort(
    ({ cell: x }, { cell: y }) =>
      ascending(x.group, y.group) ||
      ascending(x.stage, y.stage) ||
      ascending(x.part, y.part) ||
      x.layer - y.layer,
  );
  const compared = judge(
    named.map((one) => contrast(one.a?.values ?? null, one.b?.values ?? null)),
  );
  return {
    cells: columnsOf(
      named.map(({ cell }) => cell),
      compared,
    ),
    hidden: pairs.size - named.length,
  };
}

function columnsOf(cells: readonly CellDurations[], compared: readonly Compared[]): Cells {
  return {
    group: cells.map(({ group }) => group),
    stage: cells.map(({ stage }) => stage),
    part: cells.map(({ part }) => part),
    layer: cells.map(({ layer }) => layer),
    a: compared.map((one) => one.a),
    b: compared.map((one) => one.b),
    stepsA: compared.map((one) => one.stepsA),
    stepsB: compared.map((one) => one.stepsB),
    shift: compared.map((one) => one.shift?.value ?? null),
    low: compared.map((one) => one.shift?.low ?? null),
    high: compared.map((one) => one.shift?.high ?? null),
    effect: compared.map((one) => one.effect),
    q: compared.map((one) => one.q),
    finding: compared.map((one) => one.finding),
  };
}

function weight({ a, b }: { a?: CellDurations; b?: CellDurations }): number {
  const largest = (cell: CellDurations | undefined): number =>
    cell === undefined ? 0 : cell.values.reduce((most, ns) => Math.max(ns, most), 0);
  return Math.max(largest(a), largest(b));
}

function ascending(a: string, b: string): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}
