/** Random event and metric tables for property tests: every column, odd values included. */
import fc from 'fast-check';
import { unixNanos } from '#lib/base/units.ts';
import { KINDS, PHASES, STAGES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import { testWorker } from './afd-table.ts';
import { gauge } from './metric-points.ts';

const int32 = fc.integer({ min: -(2 ** 31), max: 2 ** 31 - 1 });
const stepNumber = fc.oneof(
  fc.constant(-1),
  fc.nat(1000),
  fc.integer({ min: 0, max: 2 ** 53 - 1 }),
);
const time = fc.oneof(
  fc.nat(1_000_000),
  fc.integer({ min: -(2 ** 40), max: 2 ** 53 - 1 }),
  fc.nat({ max: 2 ** 31 }),
);
const odd = fc.oneof(
  { weight: 20, arbitrary: fc.constant(-1) },
  { weight: 20, arbitrary: fc.nat(100_000) },
  { weight: 5, arbitrary: fc.integer({ min: 0, max: 2 ** 53 - 1 }) },
  { weight: 1, arbitrary: fc.double({ noNaN: true }) },
);
const text = fc.oneof(
  fc.constantFrom('', 'prod', 'é"\\\n'),
  fc.string({ unit: 'grapheme', maxLength: 8 }),
);

const event = (workers: number, stages: number): fc.Arbitrary<EventRow> =>
  fc.record(
    {
      startNs: time,
      durationNs: fc.oneof(fc.constant(0), fc.nat(300_000), fc.integer({ min: 0, max: 2 ** 52 })),
      worker: fc.nat(workers - 1),
      stage: fc.nat(stages - 1),
      kind: fc.nat(KINDS.length - 1),
      domain: fc.oneof(fc.nat(3), int32),
      step: stepNumber,
      layer: fc.oneof(fc.constant(-1), fc.nat(60), int32),
      microbatch: fc.oneof(fc.constant(-1), fc.nat(7), int32),
      phase: fc.nat(PHASES.length - 1),
      peer: fc.oneof(fc.constant(-1), fc.nat(15), int32),
      measures: fc.dictionary(fc.constantFrom(...MEASURES), odd, {
        maxKeys: 4,
        noNullPrototype: true,
      }),
      lists: fc.dictionary(fc.constantFrom(...LISTS), fc.array(odd, { maxLength: 6 }), {
        maxKeys: 2,
        noNullPrototype: true,
      }),
    },
    { requiredKeys: ['startNs', 'durationNs', 'worker', 'stage', 'kind'] },
  );

export const arbitraryEvents: fc.Arbitrary<EventTable> = fc
  .tuple(
    fc.integer({ min: 1, max: 4 }),
    fc.array(text, { maxLength: 3 }),
    fc.bigInt(0n, 2n ** 61n),
    text,
  )
  .chain(([workers, extraStages, base, deployment]) =>
    fc.array(event(workers, STAGES.length + extraStages.length), { maxLength: 40 }).map((rows) => {
      const builder = new EventTableBuilder(
        unixNanos(base),
        Array.from({ length: workers }, (_, rank) =>
          testWorker(rank, { deployment, role: rank % 2 === 0 ? 'attention' : 'ffn' }),
        ),
        [...STAGES, ...extraStages],
      );
      for (const row of rows) builder.add(row);
      return builder.finish();
    }),
  );

export const arbitraryMetrics: fc.Arbitrary<MetricTable> = fc
  .tuple(
    fc.bigInt(0n, 2n ** 61n),
    fc.array(text, { minLength: 1, maxLength: 4 }),
    fc.array(
      fc.tuple(fc.nat(3), time, fc.double(), fc.nat(9), fc.array(fc.nat(500), { maxLength: 4 })),
      {
        maxLength: 30,
      },
    ),
    fc.boolean(),
  )
  .map(([base, names, points, withBuckets]) => {
    const offsets = new Uint32Array(points.length + 1);
    for (let i = 0; i < points.length; i++) offsets[i + 1] = offsets[i]! + points[i]![4].length;
    return {
      length: points.length,
      baseUnixNs: unixNanos(base),
      series: names.map((name) =>
        gauge(name, withBuckets ? { type: 'histogram', bounds: [0.5, 1e9] } : {}),
      ),
      seriesIndex: Int32Array.from(points, ([series]) => series % names.length),
      timeNs: Float64Array.from(points, ([, timeNs]) => timeNs),
      value: Float64Array.from(points, ([, , value]) => value),
      count: Float64Array.from(points, ([, , , count]) => count),
      buckets: withBuckets
        ? { offsets, values: Float64Array.from(points.flatMap((point) => point[4])) }
        : null,
    };
  });
