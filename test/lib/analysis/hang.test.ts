/** Hangs against the rank that the simulator lets hang, in both roles and any layer. */
import * as fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { OPEN_STOP_NS } from '#lib/analysis/hang.ts';
import type { Hang } from '#lib/analysis/hang-types.ts';
import { fitLoadSums } from '#lib/analysis/load-model.ts';
import { joinParts, SlicedWindow } from '#lib/analysis/sliced-report.ts';
import { hangSchema } from '#lib/api/hangs.ts';
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { changeRows } from '#test/support/change-rows.ts';
import { HUNG_BASE_UNIX_NS, type HungWorld, hungWorld } from '#test/support/hung-world.ts';
import { drawTable } from '#test/support/step-diagram.ts';

type HungRank = NonNullable<Faults['hungRank']>;

const SPEC = scenarioSpec('healthy', { layers: 9, denseLayers: 2 });
const LONGER_NS = 8e9;

function hangsOf(table: EventTable, fromUnixNs: UnixNanos, toUnixNs: UnixNanos): readonly Hang[] {
  const window = { fromUnixNs, toUnixNs };
  const { hangs } = buildReport({ events: [table], deployment: 'demo', window });
  for (const hang of hangs!)
    expect(hangSchema.parse(JSON.parse(JSON.stringify(hang)))).toEqual(hang);
  return hangs!;
}

/** Seen `LONGER_NS` after the last event. */
const seenLater = ({ table, stopUnixNs }: HungWorld) =>
  hangsOf(table, HUNG_BASE_UNIX_NS, addNanos(stopUnixNs, LONGER_NS));

function expectNamed(hang: Hang, hung: HungRank, spec: PipelineSpec): void {
  const id = `${hung.role}/${hung.rank}`;
  expect(hang).toMatchObject({ kind: 'hang', worker: id, reason: 'no-progress' });
  const own = hang.workers.find(({ worker }) => worker === id)!;
  expect(own.waitsFor).toEqual([]);
  const layer = hung.layer ?? Math.floor(spec.layers / 2);
  const isShared = spec.sharedExpertSide === 'ffn' && spec.sharedExpertNs > 0;
  const first = isShared ? 'shared_expert' : 'expert';
  if (hung.role === 'ffn') expect(own.next).toMatchObject({ stage: first, layer });
  // An attention worker combines the layer before first.
  else if (layer > spec.denseLayers) {
    expect(own.next).toMatchObject({ stage: 'combine', layer: layer - 1 });
  } else expect(own.next).toMatchObject({ stage: 'attention', layer });
  // Everybody else waits for it, or for somebody who does, and nobody for an innocent one only.
  const waitsFor = new Map(hang.workers.map((one) => [one.worker, one.waitsFor]));
  for (const [worker, awaited] of waitsFor) {
    if (worker === id) continue;
    if (awaited.includes(id)) continue;
    const through = awaited.some((other) => waitsFor.get(other)!.includes(id));
    expect(through || waitsFor.get(worker)!.length === 0).toBe(true);
  }
}

const hungRanks = fc
  .record({
    role: fc.constantFrom('attention', 'ffn'),
    rank: fc.nat(3),
    layer: fc.nat(SPEC.layers),
  })
  .filter(({ role, layer }) =>
    role === 'ffn' ? layer >= SPEC.denseLayers && layer < SPEC.layers : true,
  ) as fc.Arbitrary<Required<HungRank>>;

const specs = fc.record({
  sends: fc.constantFrom('all', 'per-peer'),
  sharedExpertSide: fc.constantFrom('attention', 'ffn'),
  sharedExpertNs: fc.constantFrom(0, 30_000),
  microbatches: fc.integer({ min: 2, max: 4 }),
}) as fc.Arbitrary<Partial<PipelineSpec>>;

describe('a rank that hangs', () => {
  it('is named while it hangs, and what it should have done next', () => {
    void fc.assert(
      fc.property(hungRanks, specs, fc.nat(1000), (hung, changes, seed) => {
        const spec = { ...SPEC, ...changes };
        const world = hungWorld(spec, hung, { seed });
        const hangs = seenLater(world);
        expect(hangs).toHaveLength(1);
        expectNamed(hangs[0]!, hung, spec);
        expect(hangs[0]).toMatchObject({
          step: world.step,
          sinceUnixNs: String(world.stopUnixNs),
          untilUnixNs: null,
          durationNs: LONGER_NS,
        });
      }),
      { seed: 31, numRuns: 60 },
    );
  });

  it('is named afterwards, with the time that it lasted', () => {
    void fc.assert(
      fc.property(hungRanks, specs, fc.nat(1000), (hung, changes, seed) => {
        const spec = { ...SPEC, ...changes };
        const forNs = 2e9;
        const world = hungWorld(spec, hung, { seed, forNs });
        const hangs = hangsOf(world.table, HUNG_BASE_UNIX_NS, world.endUnixNs);
        expect(hangs).toHaveLength(1);
        expectNamed(hangs[0]!, hung, spec);
        expect(hangs[0]).toMatchObject({ step: world.step, sinceUnixNs: String(world.stopUnixNs) });
        expect(BigInt(hangs[0]!.untilUnixNs!)).toBeGreaterThan(world.resumedUnixNs!);
        // The first thing that ends after it is one event of the pipeline away.
        expect(hangs[0]!.durationNs - forNs).toBeLessThan(1e6);
      }),
      { seed: 32, numRuns: 40 },
    );
  });

  it.each<HungRank>([
    { role: 'attention', rank: 6, layer: 5 },
    { role: 'ffn', rank: 3, layer: 5 },
  ])('is named among lost spans, and in its first step: $role', (hung) => {
    const faults = { lostSpansRatio: 0.05 };
    let named = 0;
    for (let seed = 0; seed < 20; seed++) {
      const [hang] = seenLater(hungWorld(SPEC, hung, { seed, faults }));
      if (hang!.worker === `${hung.role}/${hung.rank}`) named++;
    }
    // Where its own last span is lost, nobody can tell.
    expect(named).toBeGreaterThanOrEqual(17);
    const [first] = seenLater(hungWorld(SPEC, hung, { stepsBefore: 0 }));
    expectNamed(first!, hung, SPEC);
    expect(first!.usualNs).toBeNull();
  });

  it('is found in its own domain while another goes on', () => {
    const spec = { ...SPEC, domains: 2 };
    const healthy = simulateSteps(spec, { steps: 4, seed: 2 });
    // Domain 1 stops in its third step: from then on attention/5 and its receivers have no more of it.
    const cut = changeRows(healthy, (row) => {
      const isAfter = row.step! > 2 || (row.step === 2 && row.layer! >= 4);
      const isLast = row.stage === 11;
      return row.domain === 1 && (isAfter || (row.step === 2 && isLast)) ? null : row;
    });
    const lastNs = healthy.startNs.reduce((a, b) => Math.max(a, b));
    const shifted = changeRows(cut, (row) =>
      row.domain === 0 && row.step === 3 ? { ...row, startNs: row.startNs + 7e9 } : row,
    );
    const toUnixNs = addNanos(healthy.baseUnixNs, lastNs + 7.2e9);
    const hangs = hangsOf(shifted, healthy.baseUnixNs, toUnixNs).filter(
      ({ kind }) => kind === 'hang',
    );
    expect(hangs.map(({ domain, step }) => [domain, step])).toEqual([[1, 2]]);
    const workers = hangs[0]!.workers.map(({ worker }) => worker);
    expect(workers).toEqual([
      ...[4, 5, 6, 7].map((rank) => `attention/${rank}`),
      ...[0, 1, 2, 3].map((rank) => `ffn/${rank}`),
    ]);
  });

  it('is the same in slices', async () => {
    const { table } = hungWorld(SPEC, { role: 'ffn', rank: 1 }, { forNs: 2e9 });
    const whole = buildReport({ events: [table], deployment: 'demo' });
    expect(whole.hangs).toHaveLength(1);
    const sliced = SlicedWindow.of([table], 'demo', {}, {}, 800)!;
    expect(sliced.length).toBeGreaterThan(3);
    sliced.setLoadModel(fitLoadSums([sliced.loadSums()]));
    const joined = await joinParts(
      sliced.parts(),
      sliced.part.bind(sliced),
      'demo',
      sliced.window,
      {},
    );
    expect(joined!.hangs).toEqual(whole.hangs);
  });
});

describe('what is no hang', () => {
  const paused = (lostSpansRatio: number, seed: number) => {
    const table = simulateSteps(SPEC, { steps: 4, seed, faults: { lostSpansRatio } });
    const lastNs = table.startNs.reduce((a, b) => Math.max(a, b));
    return hangsOf(table, table.baseUnixNs, addNanos(table.baseUnixNs, lastNs + LONGER_NS));
  };

  it('no traffic: the last step is through', () => expect(paused(0, 1)).toEqual([]));

  it('no traffic, with lost spans', () => {
    const seeds = Array.from({ length: 60 }, (_, seed) => seed);
    expect(seeds.filter((seed) => paused(0.05, seed).length > 0)).toEqual([]);
  });

  it('a step that is cut off where the window ends', () => {
    const { table, stopUnixNs } = hungWorld(SPEC, { role: 'ffn', rank: 3 });
    expect(hangsOf(table, HUNG_BASE_UNIX_NS, addNanos(stopUnixNs, OPEN_STOP_NS))).toEqual([]);
    expect(hangsOf(table, HUNG_BASE_UNIX_NS, addNanos(stopUnixNs, OPEN_STOP_NS + 1))).toHaveLength(
      1,
    );
  });

  it('a slow step in which things go on', () => {
    const slow = { ...SPEC, attentionNs: SPEC.attentionNs * 300 };
    const table = simulateSteps(slow, { steps: 1, seed: 1 });
    expect(buildReport({ events: [table], deployment: 'demo' }).hangs).toEqual([]);
  });
});

it('a transfer that never comes is told from a worker that does nothing', () => {
  const healthy = (step: number, from: number) => `
    attention/0  attention  step=${step} layer=0  |${'·'.repeat(from)}00|
    attention/0  a2f_send   step=${step} layer=0  |${'·'.repeat(from + 2)}00|`;
  const answered = (step: number, from: number) => `
    ffn/0        a2f_recv   step=${step} layer=0  |${'·'.repeat(from + 2)}00|
    ffn/0        expert     step=${step} layer=0  |${'·'.repeat(from + 4)}00|
    ffn/0        f2a_send   step=${step} layer=0  |${'·'.repeat(from + 6)}00|
    attention/0  f2a_recv   step=${step} layer=0  |${'·'.repeat(from + 4)}0000|`;
  const table = drawTable(healthy(0, 0) + answered(0, 0) + healthy(1, 10));
  const window = { fromUnixNs: table.baseUnixNs, toUnixNs: addNanos(table.baseUnixNs, 7e9) };
  const { hangs } = buildReport({ events: [table], deployment: 'prod', window });
  expect(hangs).toHaveLength(1);
  expect(hangs![0]).toMatchObject({ step: 1, worker: 'ffn/0', reason: 'silent', waiting: 1 });
  const withOther = drawTable(
    `${healthy(0, 0)}${answered(0, 0)}${healthy(1, 10)}
    ffn/0        host       step=1 layer=0  |··········0|`,
  );
  const again = buildReport({ events: [withOther], deployment: 'prod', window });
  expect(again.hangs![0]).toMatchObject({ worker: 'ffn/0', reason: 'no-receive', waiting: 1 });
});

it('a worker that falls silent while the others go on is told, with its last step', () => {
  const slow = { ...SPEC, attentionNs: SPEC.attentionNs * 20, hostGapNs: 2e9 };
  const table = simulateSteps(slow, { steps: 6, seed: 1 });
  const cut = changeRows(table, (row, worker) =>
    worker === 'ffn/2' && row.step! > 1 ? null : row,
  );
  const { hangs } = buildReport({ events: [cut], deployment: 'demo' });
  expect(hangs).toHaveLength(1);
  expect(hangs![0]).toMatchObject({ kind: 'silent', worker: 'ffn/2', step: 1, reason: 'silent' });
  expect(hangs![0]!.durationNs).toBeGreaterThan(6e9);
});
