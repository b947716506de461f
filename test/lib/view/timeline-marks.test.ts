import { expect, test } from 'vitest';
import type { TimelineMark } from '#lib/api/timeline-tile.ts';
import { loadedTile, WorkerRegistry } from '#lib/view/timeline-boxes.ts';
import {
  laneItems,
  MARK_LOOKS,
  marksSummary,
  marksWithin,
  shownMarks,
} from '#lib/view/timeline-marks.ts';
import { tileExtent } from '#lib/view/timeline-tiles.ts';
import { viewAt } from '#lib/view/timeline-viewport.ts';
import { eventTile } from './sample-tiles.ts';

const SECOND = 1_000_000_000n;
/** Tiles of 2^33 ns: 8.6 s. */
const LEVEL = 33;
const INDEX = Number((1_795_000_000n * SECOND) >> 33n);
const START = tileExtent({ level: LEVEL, index: INDEX }).fromUnixNs;
/** The first whole second in it. */
const FIRST = START / SECOND + 1n;

function mark(second: number, fields: Partial<TimelineMark> = {}): TimelineMark {
  const from = (FIRST + BigInt(second)) * SECOND;
  return {
    kind: 'late',
    row: -1,
    fromUnixNs: String(from),
    toUnixNs: String(from + SECOND),
    events: 1,
    reasons: { late: 1 },
    text: '1 event came late.',
    ...fields,
  };
}

function pieceOf(index: number, marks: readonly TimelineMark[]) {
  const address = { level: LEVEL, index };
  const made = eventTile({ ...address, rows: 2 }, []);
  const tile = { ...made, header: { ...made.header, marks: [...marks] } };
  return { tile: loadedTile(address, tile, new WorkerRegistry()), ...tileExtent(address) };
}

const ofDeployment = (marks: readonly TimelineMark[]) => shownMarks([pieceOf(INDEX, marks)]);

test('neighbours tell the same mark once, as the one that knows of more does', () => {
  const atBorder = mark(8, { events: 3 });
  const pieces = [
    pieceOf(INDEX, [mark(2), atBorder]),
    pieceOf(INDEX + 1, [mark(8, { events: 5 }), mark(20)]),
  ];
  const shown = shownMarks(pieces);
  // Second 20 lies behind both.
  expect(shown.map(({ mark: { events } }) => events)).toEqual([1, 5]);
  expect(shown.map(({ workerId }) => workerId)).toEqual([null, null]);
});

test('marks of a worker say whose they are', () => {
  const own = mark(1, { kind: 'unobserved', row: 1, events: 0 });
  expect(ofDeployment([own])[0]).toMatchObject({ workerId: 'attention/1' });
});

test('the lane puts what lies close together in one place, with its counts and reasons', () => {
  const marks = ofDeployment([
    mark(0),
    mark(1, { kind: 'rejected', events: 4, reasons: { no_role: 4 }, text: '4 events refused.' }),
    mark(1, { events: 6, reasons: { late: 6 } }),
    mark(5, { kind: 'unobserved', row: 0, events: 0 }),
    mark(6, { kind: 'clamped', events: 2, reasons: { clamped: 2 }, text: '2 events changed.' }),
  ]);
  const view = viewAt(START, 0, Number(10n * SECOND));
  const wide = laneItems(marks, view, 1000);
  expect(wide.map(({ glyph }) => glyph)).toEqual([
    MARK_LOOKS.late.glyph,
    MARK_LOOKS.rejected.glyph,
    MARK_LOOKS.clamped.glyph,
  ]);
  expect(wide[1]!.lines).toEqual(['Refused: 4 events refused.', 'Late: 1 event came late.']);
  expect(wide[1]!.widthPx).toBeCloseTo(100);
  expect(wide[1]!.label).toMatch(/^Refused: 4 events refused\. Late: .* \d\d:\d\d:\d\d to \d\d/);
  const narrow = laneItems(marks, view, 100);
  expect(narrow).toHaveLength(2);
  expect(narrow[0]!.glyph).toBe(MARK_LOOKS.rejected.glyph);
  expect(narrow[0]!.lines).toEqual(['Refused: 4 events refused.', 'Late: 7 events (7 late).']);
  expect(narrow[0]!.toUnixNs - narrow[0]!.fromUnixNs).toBe(2n * SECOND);
  expect(narrow[0]!.widthPx).toBeGreaterThanOrEqual(14);
});

test('what lies outside of the view has no place, what sticks into it begins at its edge', () => {
  const marks = ofDeployment([mark(0), mark(1), mark(6)]);
  const view = viewAt((FIRST + 1n) * SECOND, 5e8, 2e9);
  const items = laneItems(marks, view, 500);
  expect(items).toHaveLength(1);
  expect(items[0]).toMatchObject({ fromPx: 0, widthPx: 125 });
});

test('what is within a stretch of time, and what the lane says as a whole', () => {
  const marks = ofDeployment([
    mark(0, { events: 1500 }),
    mark(2),
    mark(3, { kind: 'duplicate', events: 2 }),
    mark(3, { kind: 'unobserved', row: 0, events: 0 }),
  ]);
  const within = (from: bigint, to: bigint) =>
    marksWithin(marks, { fromUnixNs: from, toUnixNs: to }).length;
  expect(within(FIRST * SECOND, (FIRST + 2n) * SECOND)).toBe(1);
  expect(within(FIRST * SECOND, (FIRST + 2n) * SECOND + 1n)).toBe(2);
  expect(within((FIRST + 3n) * SECOND + 5n, (FIRST + 3n) * SECOND + 6n)).toBe(2);
  expect(marksSummary(marks)).toBe('1,501 late, 2 duplicate');
  expect(marksSummary([])).toBe('');
});
