import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import {
  HATCHED,
  type LoadedTile,
  loadedTile,
  SPIKE,
  WORDS,
  WorkerRegistry,
} from '#lib/view/timeline-boxes.ts';
import { stageColourIndex } from '#lib/view/timeline-colours.ts';
import { eventOf, hitTest, longEvents } from '#lib/view/timeline-hit.ts';
import { NO_CHOICE, rowsLayout, type WorkerRow } from '#lib/view/timeline-rows.ts';
import { tileExtent } from '#lib/view/timeline-tiles.ts';
import { eventBeside, eventNear } from '#lib/view/timeline-walk.ts';
import { binTile, eventTile, type SampleEvent, STAGES } from './sample-tiles.ts';

const ADDRESS = { level: 20, index: Number(1_795_800_300_123_456_789n >> 20n) };
const TILE_NS = 2 ** 20;
const { fromUnixNs } = tileExtent(ADDRESS);

const events = fc.array(
  fc.record({
    row: fc.nat(2),
    stream: fc.nat(3),
    startNs: fc.integer({ min: -1000, max: TILE_NS + 1000 }),
    durationNs: fc.oneof(fc.nat(3), fc.nat(200_000)),
    stage: fc.nat(4),
  }),
  { maxLength: 60 },
);

function loaded(list: readonly SampleEvent[]): { tile: LoadedTile; registry: WorkerRegistry } {
  const registry = new WorkerRegistry();
  // Indices of the registry are not those of the tile's rows.
  registry.indexOf('ffn/0');
  const tile = loadedTile(ADDRESS, eventTile({ ...ADDRESS, rows: 3 }, list), registry);
  return { tile, registry };
}

function rowsOf(tile: LoadedTile, isOpen: boolean): readonly WorkerRow[] {
  const layout = rowsLayout(tile.tile.header.rows, { ...NO_CHOICE, isOpen });
  return tile.tile.header.rows.map(({ workerId }) => layout.byWorker.get(workerId)!);
}

/** The box that is painted last over a point, by its own definition: word by word, in order. */
function paintedOver(tile: LoadedTile, row: WorkerRow, worker: number, unit: number, yPx: number) {
  let found = -1;
  for (let box = 0; box * WORDS < tile.boxes.length; box++) {
    const [from, to, look] = tile.boxes.subarray(box * WORDS, box * WORDS + 3) as unknown as [
      number,
      number,
      number,
    ];
    const lane = row.lanes[(look >>> 16) & 3]!;
    if (look >>> 18 !== worker || yPx < lane.topPx || yPx >= lane.topPx + lane.heightPx) continue;
    if (unit >= from && unit < to) found = box;
  }
  return found;
}

describe('timeline boxes', () => {
  test('the hit test finds the box that is painted on top, and only there', () => {
    fc.assert(
      fc.property(
        events,
        fc.nat(TILE_NS - 1),
        fc.nat(2),
        fc.double({ min: 0, max: 0.99, noNaN: true }),
        fc.boolean(),
        (list, unit, rank, height, isOpen) => {
          const solid = list.map((event) => ({
            ...event,
            durationNs: Math.max(1, event.durationNs),
          }));
          const { tile, registry } = loaded(solid);
          const row = rowsOf(tile, isOpen)[rank]!;
          const worker = registry.indexOf(row.worker.workerId);
          const yPx = row.topPx + height * row.heightPx;
          const piece = { tile, ...tileExtent(ADDRESS) };
          const point = { atUnixNs: fromUnixNs + BigInt(unit), reachNs: 0, yPx };
          const hit = hitTest([piece], row, worker, point, false);
          const box = paintedOver(tile, row, worker, unit, yPx);
          if (box === -1) {
            expect(hit).toBeNull();
            return;
          }
          const segment = tile.segments.find((s) => box >= s.firstBox && box < s.endBox)!;
          const event = eventOf(tile, segment.firstRow + box - segment.firstBox);
          expect(hit).toEqual({ kind: 'event', event });
        },
      ),
      { numRuns: 300 },
    );
  });

  test('every event has one box, cut to the tile, with its own start', () => {
    fc.assert(
      fc.property(events, (list) => {
        const { tile } = loaded(list);
        expect(tile.boxes.length).toBe(list.length * WORDS);
        if (tile.tile.detail !== 'events') return;
        for (const segment of tile.segments) {
          for (let at = segment.firstRow; at < segment.endRow; at++) {
            const word = (segment.firstBox + at - segment.firstRow) * WORDS;
            const start = tile.tile.columns.startNs[at]!;
            const end = start + tile.tile.columns.durationNs[at]!;
            expect(tile.boxes[word]).toBe(Math.min(TILE_NS, Math.max(0, start)));
            expect(tile.boxes[word + 1]).toBe(Math.min(TILE_NS, Math.max(0, end)));
            expect((tile.boxes[word + 2]! & HATCHED) !== 0).toBe(segment.stream === 2);
          }
        }
      }),
    );
  });

  test('long events of a part are found without looking at all of them', () => {
    fc.assert(
      fc.property(
        fc.array(fc.record({ startNs: fc.nat(TILE_NS), durationNs: fc.nat(20_000) }), {
          maxLength: 400,
        }),
        fc.nat(TILE_NS),
        fc.nat(100_000),
        fc.nat(25_000),
        (list, fromNs, lengthNs, leastNs) => {
          const { tile } = loaded(list.map((event) => ({ ...event, row: 0, stream: 0, stage: 0 })));
          const segment = tile.segments[0];
          if (segment === undefined || tile.tile.detail !== 'events') return;
          const { startNs, durationNs } = tile.tile.columns;
          const found: number[] = [];
          longEvents(tile, segment, fromNs, fromNs + lengthNs, leastNs, (at) => found.push(at));
          const expected = [...startNs.keys()].filter(
            (at) =>
              startNs[at]! < fromNs + lengthNs &&
              startNs[at]! + durationNs[at]! > fromNs &&
              durationNs[at]! >= leastNs,
          );
          expect(found).toEqual(expected);
        },
      ),
    );
  });

  test('walking along a row visits every start once, and back again', () => {
    const list = [5, 90, 90, 400, 7000].map((startNs) => ({
      row: 1,
      stream: 0,
      startNs,
      durationNs: 50,
      stage: 0,
    }));
    const { tile, registry } = loaded(list);
    const pieces = [{ tile, ...tileExtent(ADDRESS) }];
    const worker = registry.indexOf('attention/1');
    const starts: number[] = [];
    let event = eventNear(pieces, worker, 0, fromUnixNs);
    while (event !== null) {
      starts.push(Number(event.startUnixNs - fromUnixNs));
      event = eventBeside(pieces, worker, 0, event.startUnixNs, 'next');
    }
    expect(starts).toEqual([5, 90, 400, 7000]);
    const last = eventBeside(pieces, worker, 0, fromUnixNs + 400n, 'previous');
    expect(Number(last!.startUnixNs - fromUnixNs)).toBe(90);
    expect(eventNear(pieces, worker, 1, fromUnixNs)).toBeNull();
  });
});

describe('timeline bins', () => {
  const binNs = 1024;
  const bin = (at: number, sumNs: number, maxNs: number, count = 1) => ({
    row: 0,
    stream: 0,
    stage: 0,
    bin: at,
    count,
    sumNs,
    maxNs,
  });
  /** By bin, also of boxes that stand for several. */
  const heightsOf = (tile: LoadedTile, flags: number) =>
    Array.from({ length: tile.boxes.length / WORDS }, (_, box) => {
      const [fromUnit, toUnit, look, heights] = tile.boxes.subarray(box * WORDS, (box + 1) * WORDS);
      const bins = flags === SPIKE ? 1 : Math.round((toUnit! - fromUnit!) / binNs);
      return Array.from({ length: bins }, (__, at) => ({
        from: fromUnit! / binNs + at,
        stage: (look! >>> 8) & 255,
        stream: (look! >>> 16) & 3,
        isSpike: (look! & SPIKE) !== 0,
        height: (heights! >> 8) & 255,
        ink: ((heights! >> 8) & 255) - (heights! & 255),
      }));
    })
      .flat()
      .filter(({ isSpike }) => isSpike === (flags === SPIKE));

  function load(bins: readonly ReturnType<typeof bin>[]): LoadedTile {
    const tile = binTile({ ...ADDRESS, rows: 1 }, binNs, bins);
    return loadedTile(ADDRESS, tile, new WorkerRegistry());
  }

  test("a column is as high as the stage's share of the bin", () => {
    const tile = load([bin(3, 512, 100, 8), bin(4, 256, 100, 4)]);
    expect(heightsOf(tile, 0).map(({ from, height }) => [from, height])).toEqual([
      [3, 128],
      [4, 64],
    ]);
  });

  test('an event that is longer than its bin fills those that it lasts through', () => {
    const tile = load([bin(3, binNs * 2.5, binNs * 2.5)]);
    expect(heightsOf(tile, 0).map(({ from, height }) => [from, height])).toEqual([
      [3, 255],
      [4, 255],
      [5, 128],
    ]);
  });

  test('events that lie over one another reach no further than the longest of them', () => {
    const tile = load([bin(3, binNs * 3, binNs * 0.2, 15)]);
    const heights = heightsOf(tile, 0).map(({ from, height }) => [from, height]);
    expect(heights).toEqual([
      [3, 255],
      [4, 51],
    ]);
  });

  test('no spike is lost: an event far longer than usual is marked over all that it lasts', () => {
    const usual = Array.from({ length: 50 }, (_, at) => bin(at, 1000, 10, 100));
    const tile = load([...usual, bin(60, 1500, 700, 80)]);
    expect(heightsOf(tile, SPIKE).map(({ from }) => from)).toEqual([60]);
  });

  test('bins side by side that are filled alike are one box, and each is found with its own sums', () => {
    const tile = load([
      bin(3, 512, 100, 8),
      bin(4, 512, 90, 4),
      bin(5, 256, 80, 2),
      bin(7, 256, 1),
    ]);
    expect(tile.boxes.length / WORDS).toBe(3);
    const row = rowsOf(tile, false)[0]!;
    const yPx = row.lanes[0]!.topPx + row.lanes[0]!.heightPx - 1;
    const pieces = [{ tile, ...tileExtent(ADDRESS) }];
    const foundAt = [3, 4, 5, 6, 7].map((at) => {
      const atUnixNs = fromUnixNs + BigInt(at * binNs + 700);
      const target = hitTest(pieces, row, 0, { atUnixNs, reachNs: 0, yPx }, false);
      if (target?.kind !== 'bin') return null;
      const { startUnixNs, count, maxNs } = target.bin;
      return [Number(startUnixNs - fromUnixNs) / binNs, count, maxNs];
    });
    expect(foundAt).toEqual([[3, 8, 100], [4, 4, 90], [5, 2, 80], null, [7, 1, 1]]);
  });

  const BINS = 60;
  const lanes = fc.array(
    fc.record({
      stream: fc.nat(3),
      stage: fc.nat(4),
      events: fc.array(
        fc.record({
          startNs: fc.nat(BINS * binNs - 1),
          durationNs: fc.oneof(fc.nat(binNs), fc.integer({ min: binNs, max: 9 * binNs })),
        }),
        { minLength: 1, maxLength: 40 },
      ),
    }),
    { minLength: 1, maxLength: 6 },
  );
  type Lane = (typeof lanes extends fc.Arbitrary<infer L> ? L : never)[number];

  /** As the server sums them: by row, stream, stage, then the bin that an event starts in. */
  function binsOf(list: readonly Lane[]): ReturnType<typeof bin>[] {
    return list.flatMap(({ stream, stage, events: of }) => {
      const byBin = Map.groupBy(of, ({ startNs }) => Math.floor(startNs / binNs));
      return [...byBin]
        .sort(([a], [b]) => a - b)
        .map(([at, own]) => {
          const durations = own.map(({ durationNs }) => durationNs);
          const sumNs = durations.reduce((sum, ns) => sum + ns, 0);
          const made = bin(at, sumNs, Math.max(...durations), own.length);
          return { ...made, stream, stage };
        });
    });
  }

  const sorted = (list: readonly Lane[]) =>
    [...new Map(list.map((lane) => [lane.stream * 8 + lane.stage, lane]))]
      .sort(([a], [b]) => a - b)
      .map(([, lane]) => lane);

  test('an event that is longer than a bin is there in each bin that it lasts through, in its colour', () => {
    fc.assert(
      fc.property(lanes, (list) => {
        // One stage a band: others may fill it before.
        const own = [...new Map(sorted(list).map((lane) => [lane.stream, lane])).values()];
        const boxes = heightsOf(load(binsOf(own)), 0);
        for (const { stream, stage, events: of } of own) {
          const colour = stageColourIndex(STAGES[stage]!, stream === 2);
          const inked = new Set(
            boxes
              .filter((box) => box.stream === stream && box.stage === colour && box.ink > 0)
              .map(({ from }) => from),
          );
          for (const { startNs, durationNs } of of) {
            const first = Math.floor(startNs / binNs);
            for (let at = first; at < first + Math.max(1, Math.floor(durationNs / binNs)); at++) {
              expect(inked.has(at), `${durationNs} ns from bin ${first}, bin ${at}`).toBe(true);
            }
          }
        }
      }),
    );
  });

  test("a stage's ink over all bins is its time, within a 255th of a bin for each that has some", () => {
    fc.assert(
      fc.property(lanes, fc.integer({ min: 5, max: 40 }), (list, parts) => {
        // Short enough that no bin overflows: every nanosecond has a place in its bin.
        const short = sorted(list).map((lane) => ({
          ...lane,
          events: lane.events.map(({ startNs, durationNs }) => ({
            startNs,
            durationNs: durationNs / (9 * 40 * parts),
          })),
        }));
        const columns = binsOf(short);
        const boxes = heightsOf(load(columns), 0);
        for (const { stream, stage } of short) {
          const colour = stageColourIndex(STAGES[stage]!, stream === 2);
          // Some stages share a colour.
          const mine = columns.filter(
            (one) =>
              one.stream === stream &&
              stageColourIndex(STAGES[one.stage]!, stream === 2) === colour,
          );
          const timeNs = mine.reduce((sum, { sumNs }) => sum + sumNs, 0);
          const own = boxes.filter((box) => box.stream === stream && box.stage === colour);
          const inkNs = own.reduce((sum, { ink }) => sum + (ink / 255) * binNs, 0);
          expect(own.length).toBe(mine.length);
          expect(Math.abs(inkNs - timeNs)).toBeLessThanOrEqual((mine.length * binNs) / 255 + 1e-6);
        }
      }),
    );
  });

  test('a little is never nothing', () => {
    const tile = load([bin(9, 0.01, 0.01)]);
    expect(heightsOf(tile, 0)[0]!.height).toBe(1);
  });
});
