/** Transfers from raw tables, against every pair of a send and a receive, one by one. */
import * as fc from 'fast-check';
import { expect, test } from 'vitest';
import { addNanos } from '#lib/base/units.ts';
import { ClockTransfers } from '#lib/model/align-events.ts';
import { ClockBounds, type ClockBoundsPart } from '#lib/model/clock-bounds.ts';
import { Kind, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { everyTransfer } from '#test/support/every-transfer.ts';
import { pipelineTable, RANDOM_BASE_UNIX_NS, wildTables } from '#test/support/random-tables.ts';

/** A clock for each role, or for each worker. */
function withClocks(tables: readonly EventTable[], each: boolean): EventTable[] {
  return tables.map((table) => ({
    ...table,
    workers: table.workers.map((info) => ({
      ...info,
      clockDomain: each ? `${info.role}-${info.rank}` : info.role,
    })),
  }));
}

/** What lines can be: the limits, but not how many there were. */
function limitsOf({ pairs }: ClockBoundsPart) {
  return pairs.map(({ left, right, buckets }) => ({
    left,
    right,
    buckets: buckets.map(({ bucket, upperT, upperV, lowerT, lowerV }) => ({
      bucket,
      upper: [...upperT].map((t, i) => [t, upperV[i]]),
      lower: [...lowerT].map((t, i) => [t, lowerV[i]]),
    })),
  }));
}

function expectAllLimits(tables: readonly EventTable[]): number {
  const all = new ClockBounds();
  const columns = everyTransfer(tables, 'prod');
  all.add(columns);
  const found = ClockTransfers.find(tables, 'prod')!.part();
  expect(limitsOf(found)).toEqual(limitsOf(all.part()));
  const count = found.pairs.reduce((sum, pair) => sum + pair.transfers, 0);
  expect(count > 0).toBe(columns.length > 0);
  return columns.length;
}

const row = fc.record({
  worker: fc.nat(4),
  isReceive: fc.boolean(),
  startNs: fc.nat(80),
  durationNs: fc.nat(20),
  step: fc.nat(1),
  microbatch: fc.integer({ min: -1, max: 0 }),
  phase: fc.constantFrom(0, 0, 0, 0, 3),
  peer: fc.constantFrom(-1, -1, 0, 1),
  peers: fc.constantFrom<number[]>([], [], [], [1], [0, 1]),
});

/** Few keys, many sends and receives of each, some of which name their peers. */
const crowded: fc.Arbitrary<EventTable[]> = fc
  .record({
    rows: fc.array(row, { minLength: 20, maxLength: 40 }),
    split: fc.nat(40),
    names: fc.boolean(),
    sendEnd: fc.constantFrom<WorkerInfo['sendEnd']>('arrival', 'unknown'),
    sendMode: fc.constantFrom<WorkerInfo['sendMode']>('rendezvous', 'unknown'),
  })
  .map(({ rows, split, names, sendEnd, sendMode }) => {
    const infos = [
      testWorker(0, { role: 'attention', sendEnd }),
      testWorker(1, { role: 'attention' }),
      testWorker(0, { role: 'ffn', sendMode }),
      testWorker(1, { role: 'ffn', sendEnd }),
      testWorker(0, { role: 'ffn', incarnation: 'two', sendMode }),
    ];
    return [rows.slice(0, split), rows.slice(split)].map((part, t) => {
      const builder = new EventTableBuilder(addNanos(RANDOM_BASE_UNIX_NS, 7 * t), infos);
      for (const { isReceive, peer, peers, ...fields } of part) {
        const isAttention = fields.worker < 2;
        const receive = isAttention ? Stage.f2a_recv : Stage.a2f_recv;
        const send = isAttention ? Stage.a2f_send : Stage.f2a_send;
        builder.add({
          ...fields,
          layer: 0,
          stage: isReceive ? receive : send,
          kind: isReceive ? Kind.receive : Kind.transfer,
          ...(names ? { peer, lists: { peers } } : {}),
        });
      }
      return builder.finish();
    });
  });

test('crowded keys: nothing that limits a clock is missed or invented', async () => {
  let transfers = 0;
  await fc.assert(
    fc.property(crowded, fc.boolean(), (tables, each) => {
      transfers += expectAllLimits(withClocks(tables, each));
    }),
    { seed: 51, numRuns: 1500 },
  );
  expect(transfers).toBeGreaterThan(10_000);
});

test('wild tables: wrong sides, missing keys', async () => {
  await fc.assert(
    fc.property(wildTables, fc.boolean(), (tables, each) => {
      expectAllLimits(withClocks(tables, each));
    }),
    { seed: 52, numRuns: 500 },
  );
});

test('pipelines: arrivals, rendezvous, losses', () => {
  let transfers = 0;
  for (let seed = 1; seed <= 300; seed++) {
    transfers += expectAllLimits(withClocks([pipelineTable(seed)], seed % 2 === 0));
  }
  expect(transfers).toBeGreaterThan(10_000);
});

test('a step number that comes back after a pause is another step', () => {
  const tables = withClocks([pipelineTable(2)], true);
  const later = tables.map((table) => ({
    ...table,
    baseUnixNs: addNanos(table.baseUnixNs, 25e9),
  }));
  const whole = new ClockBounds();
  for (const part of [tables, later]) whole.merge(ClockTransfers.find(part, 'prod')!.part());
  const both = ClockTransfers.find([...tables, ...later], 'prod')!.part();
  expect(limitsOf(both)).toEqual(limitsOf(whole.part()));
});

test('parts of the time: each step counts where it starts', () => {
  for (let seed = 1; seed <= 60; seed++) {
    const tables = withClocks([pipelineTable(seed)], seed % 2 === 0);
    const whole = ClockTransfers.find(tables, 'prod')!.part();
    const merged = new ClockBounds();
    const cut = addNanos(RANDOM_BASE_UNIX_NS, seed);
    merged.merge(ClockTransfers.find(tables, 'prod', {}, { toUnixNs: cut })!.part());
    merged.merge(ClockTransfers.find(tables, 'prod', {}, { fromUnixNs: cut })!.part());
    expect(merged.part()).toEqual(whole);
  }
});

test('one clock: nothing to do', () => {
  expect(ClockTransfers.find([pipelineTable(1)], 'prod')).toBeNull();
  expect(ClockTransfers.find([], 'prod')).toBeNull();
});

test('indexes that no model has make no room for themselves, and hide no other limit', () => {
  const infos = [testWorker(0, { role: 'attention' }), testWorker(0, { role: 'ffn' })];
  const tableWith = (layers: readonly number[]): EventTable[] => {
    const builder = new EventTableBuilder(RANDOM_BASE_UNIX_NS, infos);
    for (const layer of layers) {
      const key = { step: 1, layer, microbatch: layer > 100 ? 2e9 : 0 };
      builder.add({ ...key, worker: 0, stage: Stage.a2f_send, kind: 1, startNs: 5, durationNs: 9 });
      builder.add({
        ...key,
        worker: 1,
        stage: Stage.a2f_recv,
        kind: 3,
        startNs: 1,
        durationNs: 20,
      });
    }
    return withClocks([builder.finish()], false);
  };
  const wild = ClockTransfers.find(tableWith([3, 2_000_000_000]), 'prod')!.part();
  expect(wild).toEqual(ClockTransfers.find(tableWith([3]), 'prod')!.part());
  expect(wild.pairs[0]!.transfers).toBe(1);
});
