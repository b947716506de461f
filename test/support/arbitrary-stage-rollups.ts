/** Random stage rollups made from random events, and what they must add up to. */
import fc from 'fast-check';
import { floorTo, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { Role } from '#lib/table/codes.ts';
import {
  SKETCH_BINS_PER_OCTAVE,
  SLICES_PER_SECOND,
  type StageCells,
  type StageRollup,
  type StageSlices,
} from '#lib/table/stage-rollups.ts';

/** What a stage rollup knows of one event. */
export interface StageEvent {
  readonly worker: number;
  readonly stage: string;
  readonly layer: number;
  readonly startUnixNs: UnixNanos;
  readonly durationNs: number;
}

/** Straight from the definition in lib/table/stage-sketch.ts. */
export function naiveBin(durationNs: number): number {
  if (durationNs < 1) return 0;
  let exponent = 0;
  while (2 ** (exponent + 1) <= durationNs) exponent++;
  const mantissa = Math.floor((SKETCH_BINS_PER_OCTAVE * durationNs) / 2 ** exponent);
  return 1 + SKETCH_BINS_PER_OCTAVE * exponent + mantissa - SKETCH_BINS_PER_OCTAVE;
}

const SECOND = 1_000_000_000n;

/** One rollup a second and worker, by counting. */
export function naiveRollups(events: readonly StageEvent[], deployment = 'prod'): StageRollup[] {
  const byRow = new Map<string, StageEvent[]>();
  for (const event of events) {
    const key = `${floorTo(event.startUnixNs, SECOND)} ${event.worker}`;
    const list = byRow.get(key) ?? [];
    byRow.set(key, list);
    list.push(event);
  }
  return [...byRow.values()].map((list) => rollupOf(list, deployment));
}

export function workerOf(index: number): {
  workerId: string;
  group: string;
  role: Role;
  rank: number;
} {
  const role = index % 2 === 0 ? 'attention' : 'ffn';
  const rank = Math.floor(index / 2);
  return { workerId: `${role}/${rank}`, group: role, role, rank };
}

function rollupOf(list: readonly StageEvent[], deployment: string): StageRollup {
  const first = list[0]!;
  const bucketStartUnixNs = floorTo(first.startUnixNs, SECOND);
  const stageNames = [...new Set(list.map(({ stage }) => stage))];
  return {
    deployment,
    resolutionNs: 1e9,
    bucketStartUnixNs,
    ...workerOf(first.worker),
    cells: cellsOf(list, stageNames),
    slices: slicesOf(list, stageNames, bucketStartUnixNs),
  };
}

function cellsOf(list: readonly StageEvent[], stageNames: readonly string[]): StageCells {
  const cells = groups(list, ({ stage, layer }) => `${stageNames.indexOf(stage)} ${layer}`);
  const sketches = cells.map((cell) => {
    const bins = new Map<number, number>();
    for (const { durationNs } of cell) {
      bins.set(naiveBin(durationNs), (bins.get(naiveBin(durationNs)) ?? 0) + 1);
    }
    return [...bins].sort(([a], [b]) => a - b);
  });
  const sketchOffsets = new Uint32Array(cells.length + 1);
  sketches.forEach((sketch, i) => {
    sketchOffsets[i + 1] = sketchOffsets[i]! + sketch.length;
  });
  return {
    length: cells.length,
    stageNames,
    stage: Uint16Array.from(cells, ([event]) => stageNames.indexOf(event!.stage)),
    layer: Int32Array.from(cells, ([event]) => event!.layer),
    ...sums(cells),
    sketchOffsets,
    sketchBin: Uint16Array.from(sketches.flat(), ([bin]) => bin),
    sketchCount: Float64Array.from(sketches.flat(), ([, count]) => count),
  };
}

function slicesOf(
  list: readonly StageEvent[],
  stageNames: readonly string[],
  bucket: bigint,
): StageSlices {
  const sliceNs = 1e9 / SLICES_PER_SECOND;
  const sliceOf = ({ startUnixNs }: StageEvent): number =>
    Math.floor(Number(startUnixNs - bucket) / sliceNs);
  const cells = groups(list, (event) => `${sliceOf(event)} ${event.stage}`);
  cells.sort(
    ([a], [b]) =>
      sliceOf(a!) - sliceOf(b!) || stageNames.indexOf(a!.stage) - stageNames.indexOf(b!.stage),
  );
  return {
    length: cells.length,
    slice: Uint8Array.from(cells, ([event]) => sliceOf(event!)),
    stage: Uint16Array.from(cells, ([event]) => stageNames.indexOf(event!.stage)),
    ...sums(cells),
  };
}

function groups(
  list: readonly StageEvent[],
  keyOf: (event: StageEvent) => string,
): (readonly StageEvent[])[] {
  const found = new Map<string, StageEvent[]>();
  for (const event of list) {
    const group = found.get(keyOf(event)) ?? [];
    found.set(keyOf(event), group);
    group.push(event);
  }
  return [...found.values()];
}

function sums(
  cells: readonly (readonly StageEvent[])[],
): Pick<StageSlices, 'count' | 'sumNs' | 'minNs' | 'maxNs'> {
  const durations = cells.map((cell) => cell.map(({ durationNs }) => durationNs));
  return {
    count: Float64Array.from(cells, (cell) => cell.length),
    sumNs: Float64Array.from(durations, (list) => list.reduce((sum, ns) => sum + ns, 0)),
    minNs: Float64Array.from(durations, (list) => Math.min(...list)),
    maxNs: Float64Array.from(durations, (list) => Math.max(...list)),
  };
}

export const STAGE_EVENT_BASE = unixNanos(1_780_000_000_000_000_000n);

/** Events of four workers over `seconds`; some durations are as odd as they can be. */
export const stageEvents = (seconds: number, maxLength = 60): fc.Arbitrary<StageEvent[]> =>
  fc.array(
    fc.record({
      worker: fc.nat(3),
      stage: fc.constantFrom('attention', 'a2f_send', 'expert', 'odd "name"'),
      layer: fc.oneof(fc.constant(-1), fc.nat(3), fc.nat(2 ** 31 - 1)),
      startUnixNs: fc
        .nat(seconds * 1e6)
        .map((us) => unixNanos(STAGE_EVENT_BASE + BigInt(us) * 1000n)),
      durationNs: fc.oneof(
        { weight: 8, arbitrary: fc.integer({ min: 200_000, max: 300_000 }) },
        { weight: 1, arbitrary: fc.nat(5) },
        { weight: 1, arbitrary: fc.integer({ min: 0, max: 2 ** 47 }) },
      ),
    }),
    { maxLength },
  );
