import { expect, test } from 'vitest';
import { packEvents, packMetrics, unpackEvents, unpackMetrics } from '#lib/store/sqlite/blob.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import { afdTable } from '#test/support/afd-table.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';
import { eventRows, metricRows } from '#test/support/table-rows.ts';
import { BASE } from '#test/support/telemetry-batch.ts';

test.each(['attention', 'ffn'] as const)(
  '%s events take at most 4 bytes each at 3 %% jitter',
  (role) => {
    const table = afdTable({ role, workers: 4, steps: 4, measures: true });
    const blob = packEvents([table]);
    expect(blob.byteLength / table.length).toBeLessThan(4);
    expect(eventRows([unpackEvents(blob)])).toEqual(eventRows([table]));
  },
);

test('metric points likewise come back', () => {
  const table = metricTable(BASE, [
    [gauge('a'), 0, 0.1],
    [gauge('b'), 1e9, -5],
  ]);
  expect(metricRows([unpackMetrics(packMetrics(table))])).toEqual(metricRows([table]));
});

test('what is not a whole blob ends in a ChunkFormatError', () => {
  const blob = packEvents([afdTable({ role: 'ffn', workers: 1, steps: 1, layers: 3 })]);
  for (let length = 0; length < blob.byteLength; length += 11) {
    expect(() => unpackEvents(blob.subarray(0, length))).toThrow(ChunkFormatError);
  }
  for (let at = 0; at < blob.byteLength; at += 3) {
    const bytes = blob.slice();
    bytes[at]! ^= 0x41;
    try {
      // zstd does not notice every change, and some change nothing; the chunk's checksum decides.
      expect(unpackEvents(bytes).length).toBe(27);
    } catch (cause) {
      expect(cause).toBeInstanceOf(ChunkFormatError);
    }
  }
});
