/** What every telemetry store must do with marks of ingest. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import type { IngestMarkBucket, TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { IngestMark } from '#lib/table/ingest-marks.ts';
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import { afdTable, seededRandom } from '#test/support/afd-table.ts';
import { packedTableOf } from '#test/support/packed-table.ts';
import { BASE, batchOf, spans, window } from '#test/support/telemetry-batch.ts';

const BASE_S = Number(BASE / BigInt(NS_PER_S));
const SECOND = NS_PER_S;
const FOREVER = { rawNs: 1e18, rawBytes: 1e18, rollupsNs: 1e18 };

function mark(unixS: number | null, events: number, fields: Partial<IngestMark> = {}): IngestMark {
  return { deployment: 'prod', reason: 'late', unixS, events, ...fields };
}

function bucket(startUnixS: number, events: number, reason: RejectReason, lengthS = 1) {
  return { startUnixS, lengthS, reason, events };
}

export function describeMarksStore(name: string, open: () => Promise<TelemetryStore>): void {
  describe(`${name}: marks of ingest`, () => {
    let store: TelemetryStore;
    beforeEach(async () => {
      store = await open();
    });
    afterEach(() => store.close());

    let batches = 0;
    const put = (marks: readonly IngestMark[], fields = {}) =>
      store.append([batchOf(`m${batches++}`, { marks, ...fields })]);
    const buckets = (
      fromS: number,
      toS: number,
      resolutionS = 1,
      deployment = 'prod',
    ): Promise<readonly IngestMarkBucket[]> => {
      const from = BigInt(fromS) * BigInt(NS_PER_S);
      const to = BigInt(toS) * BigInt(NS_PER_S);
      const asked = { fromUnixNs: unixNanos(from), toUnixNs: unixNanos(to) };
      return store.ingestMarks({ deployment, window: asked, resolutionS });
    };

    test('are added up by second and reason, over batches and appends', async () => {
      await put([mark(100, 2), mark(100, 3, { reason: 'clamped' }), mark(101, 4)]);
      await put([mark(100, 5), mark(100, 1, { deployment: 'other' })]);
      expect(await buckets(0, 1000)).toEqual([
        bucket(100, 3, 'clamped'),
        bucket(100, 7, 'late'),
        bucket(101, 4, 'late'),
      ]);
      expect(await buckets(0, 1000, 1, 'other')).toEqual([bucket(100, 1, 'late')]);
      expect(await buckets(0, 1000, 1, '')).toEqual([]);
    });

    test('come in the resolution that is asked for, and those that overlap the window', async () => {
      await put([mark(599, 1), mark(600, 2), mark(609, 3), mark(610, 4)]);
      expect(await buckets(0, 10_000, 10)).toEqual([
        bucket(590, 1, 'late', 10),
        bucket(600, 5, 'late', 10),
        bucket(610, 4, 'late', 10),
      ]);
      const part = window(0, 1);
      expect(await store.ingestMarks({ deployment: 'prod', window: part, resolutionS: 1 })).toEqual(
        [],
      );
      // Half a second of bucket 600 is enough, and its end is exclusive.
      const half = {
        fromUnixNs: unixNanos(605_500_000_000n),
        toUnixNs: unixNanos(610_000_000_000n),
      };
      const found = await store.ingestMarks({ deployment: 'prod', window: half, resolutionS: 10 });
      expect(found).toEqual([bucket(600, 5, 'late', 10)]);
    });

    test('without a time they are in the second of the receipt, those far ahead too', async () => {
      const ahead = BASE_S + 2 * 3600;
      await put([mark(null, 2), mark(ahead, 3), mark(BASE_S + 60, 1)]);
      expect(await buckets(BASE_S - 10, ahead + 10)).toEqual([
        bucket(BASE_S, 5, 'late'),
        bucket(BASE_S + 60, 1, 'late'),
      ]);
    });

    test('a retried batch marks each of its events where it took place', async () => {
      const events = [
        spans([
          [0, 10],
          [SECOND, 10],
          [SECOND + 5, 10],
        ]),
      ];
      const again = batchOf('same', { events, marks: [mark(BASE_S, 7, { reason: 'clamped' })] });
      await store.append([again]);
      await store.append([again]);
      await store.append([again]);
      expect(await buckets(BASE_S - 10, BASE_S + 10)).toEqual([
        bucket(BASE_S, 7, 'clamped'),
        bucket(BASE_S, 2, 'duplicate'),
        bucket(BASE_S + 1, 4, 'duplicate'),
      ]);
    });

    test('packed steps that come again are marked where they begin', async () => {
      const step = (number: number, baseUnixNs: bigint) =>
        packedTableOf(
          afdTable({
            role: 'attention',
            workers: 1,
            steps: 1,
            layers: 3,
            firstStep: number,
            seed: number,
            baseUnixNs,
          }),
        );
      const first = step(1, BASE);
      const second = step(2, BASE + 2n * BigInt(SECOND));
      const third = step(3, BASE + 2n * BigInt(SECOND));
      await store.append([batchOf('a', { packed: [first, second] })]);
      await store.append([batchOf('b', { packed: [first, second, third] })]);
      await store.append([batchOf('b', { packed: [first, second, third] })]);
      expect(await buckets(BASE_S - 10, BASE_S + 10)).toEqual([
        bucket(BASE_S, 2 * first.events, 'duplicate'),
        bucket(BASE_S + 2, 2 * second.events + third.events, 'duplicate'),
      ]);
    });

    test('imports have none', async () => {
      await store.append([batchOf('import:x:0', { marks: [mark(100, 2)] })], { imported: true });
      expect(await buckets(0, 1000)).toEqual([]);
    });

    test('old ones are kept by the minute, then by the hour, then not; none is lost on the way', async () => {
      const random = seededRandom(7);
      const day = 86_400;
      const nowS = 20_000 * day;
      const policy = { rawNs: 0, rawBytes: 1e18, rollupsNs: 90 * day * SECOND };
      const marks = Array.from({ length: 5000 }, () =>
        mark(nowS - Math.floor(random() ** 4 * 80 * day), 1 + Math.floor(random() * 5)),
      );
      const total = marks.reduce((sum, { events }) => sum + events, 0);
      const received = { receivedUnixNs: unixNanos(BigInt(nowS) * BigInt(SECOND)) };
      for (let i = 0; i < marks.length; i += 500) await put(marks.slice(i, i + 500), received);
      const retain = async (atS: number) => {
        for (let calls = 0; calls < 100; calls++) {
          const at = unixNanos(BigInt(atS) * BigInt(SECOND));
          if (!(await store.retain(policy, at)).more) return;
        }
        throw new Error('retain never ends');
      };
      await retain(nowS);
      const kept = await buckets(0, nowS + 1);
      expect(kept.reduce((sum, { events }) => sum + events, 0)).toBe(total);
      expect(kept.length).toBeLessThan(6 * 3600 + 60 + 3 * 1440 + 60 + 81 * 24);
      for (const { startUnixS, lengthS } of kept) {
        const ageS = nowS - startUnixS;
        if (ageS > 3 * day + 3600) expect(lengthS).toBe(3600);
        else if (ageS > 6 * 3600 + 60 && ageS < 3 * day) expect(lengthS).toBe(60);
        else if (ageS < 6 * 3600) expect(lengthS).toBe(1);
        expect(startUnixS % lengthS).toBe(0);
      }
      // The same whatever it is stored in.
      const byDay = await buckets(0, nowS + 1, day);
      const wanted = new Map<number, number>();
      for (const { unixS, events } of marks) {
        const start = Math.floor((unixS ?? 0) / day) * day;
        wanted.set(start, (wanted.get(start) ?? 0) + events);
      }
      expect(byDay.map(({ startUnixS, events }) => [startUnixS, events])).toEqual(
        [...wanted].sort(([a], [b]) => a - b),
      );
      await retain(nowS + 91 * day);
      expect(await buckets(0, nowS + 1)).toEqual([]);
    });

    test('young ones stay as they are', async () => {
      await put([mark(BASE_S, 2)]);
      await store.retain(FOREVER, unixNanos(BASE));
      expect(await buckets(BASE_S, BASE_S + 1)).toEqual([bucket(BASE_S, 2, 'late')]);
    });
  });
}
