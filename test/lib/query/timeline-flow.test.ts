/** The way of a micro-batch through a layer, against the events themselves. */
import { randomUUID } from 'node:crypto';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { type TimelineFlow, timelineFlowSchema } from '#lib/api/timeline-flow.ts';
import { unixNanos } from '#lib/base/units.ts';
import { timelineFlow } from '#lib/query/timeline-flow.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { FEED_START, slowSteps } from '#test/support/live-feed.ts';
import { RANDOM_BASE_UNIX_NS } from '#test/support/random-tables.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';
import { trueParts } from '#test/support/tile-rows.ts';
import { tinyWorlds } from '#test/support/tiny-worlds.ts';

const NOW = unixNanos(FEED_START + 3_600_000_000_000n);
const FOREVER = { fromUnixNs: unixNanos(0n), toUnixNs: unixNanos(2n ** 62n) };
const memory = () => openTelemetryWriter({ store: 'memory:', data: randomUUID() });

async function ask(
  store: TelemetryStore,
  deployment: string,
  key: Readonly<Record<string, number>>,
  at: bigint,
) {
  const texts = Object.fromEntries(
    Object.entries(key).map(([name, value]) => [name, String(value)]),
  );
  return timelineFlowSchema.parse(
    await timelineFlow(store, { deployment, ...texts, at: String(at) }, NOW),
  );
}

/** Pairs of sender and receiver by brute force, as "kind sender receiver". */
function truePairs(
  table: EventTable,
  key: { domain: number; step: number; layer: number; microbatch: number },
): string[] {
  const peersOf = (row: number): number[] | null => {
    const { peers } = table.lists;
    const listed =
      peers === null ? [] : [...peers.values.subarray(peers.offsets[row], peers.offsets[row + 1])];
    if (listed.length > 0) return listed;
    return table.peer[row]! < 0 ? null : [table.peer[row]!];
  };
  const rows = [...Array(table.length).keys()].filter(
    (row) =>
      table.domain[row] === key.domain &&
      table.step[row] === key.step &&
      table.layer[row] === key.layer &&
      table.microbatch[row] === key.microbatch,
  );
  const pairs = new Set<string>();
  for (const [kind, sendStage, receiveStage] of [
    ['a2f', Stage.a2f_send, Stage.a2f_recv],
    ['f2a', Stage.f2a_send, Stage.f2a_recv],
  ] as const) {
    for (const send of rows.filter((row) => table.stage[row] === sendStage)) {
      for (const receive of rows.filter((row) => table.stage[row] === receiveStage)) {
        const from = table.workers[table.worker[send]!]!;
        const to = table.workers[table.worker[receive]!]!;
        if (!(peersOf(send)?.includes(to.rank) ?? true)) continue;
        if (!(peersOf(receive)?.includes(from.rank) ?? true)) continue;
        pairs.add(`${kind} ${workerId(from)} ${workerId(to)}`);
      }
    }
  }
  return [...pairs].sort();
}

function pairsOf({ events, arrows }: TimelineFlow): string[] {
  const pairs = arrows
    .filter(({ kind }) => kind !== 'local')
    .map(({ from, to, kind }) => `${kind} ${events[from]!.workerId} ${events[to]!.workerId}`);
  return [...new Set(pairs)].sort();
}

const endOf = (event: TimelineFlow['events'][number]): bigint =>
  BigInt(event.startUnixNs) + BigInt(event.durationNs);

describe('the way of a micro-batch', () => {
  test('has all events of its key, and an arrow for each matched send', async () => {
    const store = await memory();
    let run = 0;
    await fc.assert(
      fc.asyncProperty(tinyWorlds, fc.nat(), async (world, seed) => {
        const deployment = `flow ${run++}`;
        const workers = world.workers.map((worker) => ({ ...worker, deployment }));
        const table: EventTable = { ...world, workers };
        await store.append([batchOf(deployment, { events: [table] })]);
        const row = seed % table.length;
        const key = {
          domain: table.domain[row]!,
          step: table.step[row]!,
          layer: table.layer[row]!,
          microbatch: table.microbatch[row]!,
        };
        const answer = await ask(store, deployment, key, RANDOM_BASE_UNIX_NS);
        expect(answer).toMatchObject(key);
        expect(pairsOf(answer)).toEqual(truePairs(table, key));
        for (const { from, to, kind } of answer.arrows) {
          const [before, after] = [answer.events[from]!, answer.events[to]!];
          expect(before.workerId === after.workerId).toBe(kind === 'local');
          if (kind === 'local')
            expect(BigInt(after.startUnixNs)).toBeGreaterThanOrEqual(endOf(before));
          else expect(endOf(after)).toBeGreaterThanOrEqual(BigInt(before.startUnixNs));
        }
      }),
      { numRuns: 60 },
    );
    await store.close();
  });

  test('cuts receives as a tile does; what is missing is said', async () => {
    const store = await memory();
    const table = slowSteps({ seconds: 5, deployment: 'prod' });
    const lost = [...Array(table.length).keys()].filter(
      (row) => !(table.step[row] === 12 && table.layer[row] === 1 && table.worker[row] === 2),
    );
    const holed = selectRows(table, Uint32Array.from(lost));
    const deployed = (deployment: string, from: EventTable): EventTable => ({
      ...from,
      workers: from.workers.map((worker) => ({ ...worker, deployment })),
    });
    await store.append([
      batchOf('a', { events: [table] }),
      batchOf('b', { events: [deployed('holed', holed)] }),
    ]);
    const key = { step: 12, layer: 1, microbatch: 0 };
    const answer = await ask(store, 'prod', key, FEED_START);
    const parts = trueParts([table], FOREVER).filter(
      ({ step, layer, microbatch }) => step === 12 && layer === 1 && microbatch === 0,
    );
    const texts = (
      events: readonly {
        stage: string;
        kind: string;
        startUnixNs: bigint | string;
        durationNs: number;
      }[],
    ) =>
      events
        .map(
          ({ stage, kind, startUnixNs, durationNs }) =>
            `${stage} ${kind} ${startUnixNs} ${durationNs}`,
        )
        .sort();
    expect(texts(answer.events)).toEqual(texts(parts));
    expect(answer.missing).toEqual([]);
    const silent = await ask(store, 'holed', key, FEED_START);
    expect(silent.missing).toContain('ffn/0 reported nothing of this layer and micro-batch.');
    expect(silent.missing.join(' ')).toContain('attention/0');
    const none = await ask(store, 'prod', { ...key, layer: 99 }, FEED_START);
    expect(none).toMatchObject({
      events: [],
      missing: ['Step 12 has no event of layer 99 and micro-batch 0.'],
    });
    const gone = await ask(store, 'prod', { ...key, step: 9999 }, FEED_START);
    expect(gone.missing).toEqual(['Step 9999 of domain 0 is not kept within 30 s of this time.']);
    const far = await ask(store, 'prod', key, FEED_START + 10n ** 15n);
    expect(far.missing).toHaveLength(1);
    await store.close();
  });
});
