import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { SampleSet } from '#lib/alert/sample.ts';
import { minuteOf, sampleRow, setsOfRow } from '#lib/query/sample-rows.ts';

const MINUTE = minuteOf(1_793_000_012_345);

const sample = fc.record({
  metric: fc.constantFrom('bubble_ratio', 'hang_seconds', 'report:balance.taNs'),
  labels: fc.record({ deployment: fc.constant('prod'), group: fc.constantFrom('a', 'é b') }),
  atUnixMs: fc.integer({ min: MINUTE - 5000, max: MINUTE + 60_000 }),
  value: fc.double({ noNaN: true, noDefaultInfinity: true, min: -1e12, max: 1e12 }),
  weight: fc.double({ noNaN: true, min: 1e-3, max: 1e15 }),
});
const sets: fc.Arbitrary<SampleSet[]> = fc
  .uniqueArray(fc.integer({ min: 0, max: 59_999 }), { minLength: 1, maxLength: 12 })
  .chain((looks) =>
    fc.tuple(
      ...looks
        .sort((a, b) => a - b)
        .map((lookMs) =>
          fc.array(sample, { maxLength: 5 }).map((samples) => ({
            deployment: 'prod',
            atUnixMs: MINUTE + lookMs,
            samples,
          })),
        ),
    ),
  );

test('a row gives back its looks, to six digits', () => {
  fc.assert(
    fc.property(sets, (given) => {
      const back = setsOfRow(sampleRow(given, MINUTE, 'x'));
      expect(back.map(({ atUnixMs }) => atUnixMs)).toEqual(given.map(({ atUnixMs }) => atUnixMs));
      back.forEach((set, i) => {
        const rounded = given[i]!.samples.map((one) => ({
          ...one,
          value: Number(one.value.toPrecision(6)) || 0,
          weight: Number(one.weight.toPrecision(6)),
        }));
        const sorted = (list: readonly object[]) => list.map((one) => JSON.stringify(one)).sort();
        const plain = set.samples.map(({ metric, labels, atUnixMs, value, weight }) => ({
          metric,
          labels,
          atUnixMs,
          value: value || 0,
          weight,
        }));
        const order = ({ metric, labels, atUnixMs, value, weight }: (typeof rounded)[number]) => ({
          metric,
          labels: { deployment: labels.deployment, group: labels.group },
          atUnixMs,
          value,
          weight,
        });
        expect(sorted(plain.map((one) => order(one as (typeof rounded)[number])))).toEqual(
          sorted(rounded.map(order)),
        );
      });
    }),
    { numRuns: 200 },
  );
});

test('what is no row is nothing', () => {
  for (const detail of ['', 'x', Buffer.from('{}').toString('base64')]) {
    expect(setsOfRow({ ...sampleRow([], MINUTE, ''), detail })).toEqual([]);
  }
});
