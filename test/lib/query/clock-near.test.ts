/** Timelines, heat maps and strips of a cluster whose clocks are off. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Timeline } from '#lib/api/timeline.ts';
import { addNanos, NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { heatmap } from '#lib/query/heatmap.ts';
import { strip } from '#lib/query/strip.ts';
import { timeline } from '#lib/query/timeline.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { FEED_START, inBatches, slowSteps } from '#test/support/live-feed.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const SKEW = { target: 'node-1', offsetNs: 9_100_000, driftPpm: -45 };
const NOW = unixNanos(FEED_START + 3_600_000_000_000n);
let store: TelemetryStore;

beforeAll(async () => {
  store = await openTelemetryWriter({ store: 'memory:', data: 'none' });
  for (const [deployment, faults] of [
    ['right', {}],
    ['skewed', { clockOffset: [SKEW] }],
  ] as const) {
    const table = slowSteps({ seconds: 30, deployment, faults });
    const batches = inBatches(table, 5 * NS_PER_S);
    await store.append(
      batches.map((batch, i) => batchOf(`${deployment}-${i}`, { events: [batch.table] })),
    );
  }
});

afterAll(() => store.close());

const ask = (deployment: string, fromS: number, toS: number, workers?: string) =>
  timeline(
    store,
    {
      deployment,
      from: String(addNanos(FEED_START, fromS * NS_PER_S)),
      to: String(addNanos(FEED_START, toS * NS_PER_S)),
      workers,
    },
    NOW,
  );

/** By content, times aside: start and end after the world's start. */
function spans({ events, rows, stages, window }: Timeline): Map<string, [number, number]> {
  const found = new Map<string, [number, number]>();
  const shiftNs = Number(BigInt(window.startUnixNs) - FEED_START);
  events!.row.forEach((row, i) => {
    const { layer, microbatch, step, stage, startNs, durationNs } = events!;
    const name = [rows[row]!.workerId, stages[stage[i]!], step[i], layer[i], microbatch[i]];
    const start = startNs[i]! + shiftNs;
    found.set(name.join(' '), [start, start + durationNs[i]!]);
  });
  return found;
}

describe('a timeline of events', () => {
  const WITHIN_NS = 30_000;

  test.each([
    [3, 3.2],
    [12.5, 13.1],
    [21.004, 21.009],
  ])('of seconds %d to %d shows them where right clocks would', async (fromS, toS) => {
    const right = await ask('right', fromS, toS);
    const skewed = await ask('skewed', fromS, toS);
    expect(right.aligned).toBe(false);
    expect(skewed.aligned).toBe(true);
    const wanted = spans(right);
    const found = spans(skewed);
    expect(found.size).toBeGreaterThan(3);
    let both = 0;
    for (const [name, [start, end]] of found) {
      const own = wanted.get(name);
      if (own === undefined) continue;
      both++;
      expect(Math.abs(start - own[0])).toBeLessThan(WITHIN_NS);
      expect(Math.abs(end - own[1])).toBeLessThan(WITHIN_NS);
    }
    // But for those at the very edges.
    expect(both).toBeGreaterThanOrEqual(Math.max(found.size, wanted.size) - 4);
  });

  test('of one worker shows the same times', async () => {
    const all = spans(await ask('skewed', 12.5, 12.7));
    const one = spans(await ask('skewed', 12.5, 12.7, 'ffn/0'));
    expect(one.size).toBeGreaterThan(5);
    for (const [name, span] of one) expect(span).toEqual(all.get(name));
    expect([...all.keys()].filter((name) => name.startsWith('ffn/0')).length).toBe(one.size);
  });

  test('of a long window is of raw times', async () => {
    expect((await ask('skewed', 1, 29)).aligned).toBe(false);
  });
});

test('heat map and strip are those of right clocks', async () => {
  const question = {
    from: String(addNanos(FEED_START, 5 * NS_PER_S)),
    to: String(addNanos(FEED_START, 20 * NS_PER_S)),
  };
  const [right, skewed] = await Promise.all(
    ['right', 'skewed'].map(async (deployment) => ({
      heat: (await heatmap(store, { deployment, ...question }, NOW)).heatmap!,
      strip: (await strip(store, { deployment, ...question }, NOW)).strip!,
    })),
  );
  expect(skewed!.heat.workers).toEqual(right!.heat.workers);
  for (const picture of ['bubbleNs', 'durationNs', 'waitNs'] as const) {
    skewed!.heat[picture].forEach((ns, i) => {
      expect(Math.abs(ns! - right!.heat[picture][i]!)).toBeLessThan(1000);
    });
  }
  expect(skewed!.strip.step).toBe(right!.strip.step);
  skewed!.strip.startNs.forEach((ns, i) => {
    expect(Math.abs(ns - right!.strip.startNs[i]!)).toBeLessThan(1000);
  });
});
