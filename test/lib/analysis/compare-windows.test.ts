/**
 * Comparisons of simulated clusters, whose differences are known: equal runs do not differ, a change is
 * found, named, and sized.
 */
import { describe, expect, test } from 'vitest';
import { compareWindows } from '#lib/analysis/compare-windows.ts';
import { Random } from '#lib/base/random.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { figure, sideOf, sideOfTable, smallSpec } from '#test/support/compared-world.ts';
import { pickRows } from '#test/support/pick-rows.ts';

const STEPS = 24;

describe('equal runs', () => {
  const runs = 60;
  const sides = Array.from({ length: 2 * runs }, (_, i) =>
    sideOf(smallSpec(), { steps: STEPS, seed: 100 + i }),
  );
  const comparisons = Array.from({ length: runs }, (_, i) =>
    compareWindows(sides[2 * i]!, sides[2 * i + 1]!),
  );
  const differs = (finding: string): boolean => finding === 'higher' || finding === 'lower';

  test('the verdict is wrong about once in twenty', () => {
    const wrong = comparisons.filter(({ verdict }) => verdict.direction !== 'same').length;
    expect(wrong / runs).toBeLessThan(0.12);
  });

  test('tables with a false finding are as rare, however many figures and cells they have', () => {
    const figures = comparisons.filter(({ headline }) =>
      headline.some(
        ({ id, scope, finding }) => id !== 'stepNs' && scope !== 'worker' && differs(finding),
      ),
    );
    const cells = comparisons.filter(({ cells: { finding } }) => finding.some(differs));
    expect(figures.length / runs).toBeLessThan(0.15);
    expect(cells.length / runs).toBeLessThan(0.15);
    expect(comparisons[0]!.cells.a.length).toBeGreaterThan(50);
  });

  test('a step is one sample, not its hundreds of events', () => {
    for (const { headline, a } of comparisons.slice(0, 3)) {
      expect(a.events).toBeGreaterThan(100 * STEPS);
      for (const { stepsA } of headline) expect(stepsA).toBeLessThanOrEqual(STEPS);
    }
  });
});

describe('a change', () => {
  test('a stage that is 5 % slower is found every time, sized and named', () => {
    const runs = 12;
    for (let i = 0; i < runs; i++) {
      const a = sideOf(smallSpec(), { steps: STEPS, seed: 500 + i });
      const spec = smallSpec({ expertNs: smallSpec().expertNs * 1.05 });
      const found = compareWindows(a, sideOf(spec, { steps: STEPS, seed: 600 + i }));
      expect(found.verdict.direction).toBe('slower');
      const { value, low, high } = found.verdict.stepChange!;
      expect(low).toBeLessThanOrEqual(value);
      expect(value).toBeLessThanOrEqual(high);
      expect(value).toBeGreaterThan(0.02);
      expect(found.verdict.sentence).toMatch(/experts of layers 1-5 take 1[123](\.\d)? µs longer/);
      expect(found.changes[0]).toMatchObject({ stage: 'expert', kind: 'compute', worker: null });
      const expert = figure(found, 'stage.expert.all', 'ffn');
      expect(expert.finding).toBe('higher');
      expect(expert.relative!.value).toBeCloseTo(0.05, 2);
      expect(figure(found, 'stage.attention.all', 'attention').finding).toBe('same');
    }
  });

  test('a slow worker is named, the other way round as well', () => {
    const a = sideOf(smallSpec(), { steps: STEPS, seed: 1 });
    const faults = { slowRank: { role: 'ffn', rank: 1, factor: 1.2 } } as const;
    const b = sideOf(smallSpec(), { steps: STEPS, seed: 2, faults });
    expect(compareWindows(a, b).verdict.sentence).toMatch(/experts .* longer on ffn\/1/);
    expect(compareWindows(b, a).verdict.sentence).toMatch(/experts .* less on ffn\/1/);
    expect(compareWindows(b, a).verdict.direction).toBe('faster');
  });

  test('layers are named', () => {
    const spec = scenarioSpec('ffn-bound', { layers: 16, attentionWorkers: 4, ffnWorkers: 4 });
    const hotExpert = { rank: 3, factor: 2, fromLayer: 8, toLayer: 10 };
    const found = compareWindows(
      sideOf(spec, { steps: STEPS, seed: 1 }),
      sideOf(spec, { steps: STEPS, seed: 2, faults: { hotExpert } }),
    );
    expect(found.changes[0]).toMatchObject({ stage: 'expert', layers: '8-10', worker: 'ffn/3' });
    expect(figure(found, 'expertImbalance').finding).toBe('higher');
    const { cells } = found;
    const higher = cells.layer.filter(
      (_, i) => cells.stage[i] === 'expert' && cells.finding[i] === 'higher',
    );
    expect(higher.every((layer) => layer >= 8 && layer <= 10)).toBe(true);
  });

  test('host time before steps', () => {
    const found = compareWindows(
      sideOf(smallSpec(), { steps: STEPS, seed: 1 }),
      sideOf(smallSpec({ hostGapNs: 900_000 }), { steps: STEPS, seed: 2 }),
    );
    expect(found.changes[0]).toMatchObject({ stage: 'host', kind: 'host' });
    expect(found.changes[0]!.share).toBeGreaterThan(0.8);
  });
});

test('changes add up to the difference of the mean times per step', () => {
  const a = sideOf(smallSpec(), { steps: STEPS, seed: 7 });
  const b = sideOf(smallSpec({ attentionNs: 150_000, layers: 8 }), { steps: STEPS, seed: 8 });
  const { changes, explained, headline } = compareWindows(a, b);
  const sum = changes.reduce((total, { contributionNs }) => total + contributionNs, 0);
  expect(sum + explained!.restNs).toBeCloseTo(explained!.differenceNs, 3);
  expect(explained!.bNs - explained!.aNs).toBeCloseTo(explained!.differenceNs, 6);
  expect(headline[0]!.id).toBe('stepNs');
});

test('swapped sides say the opposite', () => {
  const a = sideOf(smallSpec(), { steps: STEPS, seed: 7 });
  const b = sideOf(smallSpec({ a2fNs: 100_000 }), { steps: STEPS + 5, seed: 8 });
  const there = compareWindows(a, b);
  const back = compareWindows(b, a);
  const opposite = { higher: 'lower', lower: 'higher', 'only-a': 'only-b', 'only-b': 'only-a' };
  there.headline.forEach((one, i) => {
    const other = back.headline[i]!;
    expect([other.id, other.group, other.worker]).toEqual([one.id, one.group, one.worker]);
    expect([other.a, other.b]).toEqual([one.b, one.a]);
    expect(other.p).toBeCloseTo(one.p!, 9);
    expect(other.effect).toBeCloseTo(-one.effect!, 9);
    expect(other.shift!.value).toBeCloseTo(-one.shift!.value, 3);
    expect(other.shift!.low).toBeCloseTo(-one.shift!.high, 3);
    expect(other.finding).toBe(opposite[one.finding as keyof typeof opposite] ?? one.finding);
  });
  expect(back.explained!.differenceNs).toBeCloseTo(-there.explained!.differenceNs, 3);
});

test('the order in which events come in says nothing', () => {
  const table = simulateSteps(smallSpec(), { steps: 10, seed: 3 });
  const b = sideOf(smallSpec(), { steps: 10, seed: 4 });
  const one = compareWindows(sideOfTable(table, 'demo'), b);
  const other = compareWindows(sideOfTable(shuffled(table), 'demo'), b);
  expect(other).toEqual(one);
});

function shuffled(table: EventTable): EventTable {
  const random = new Random(1);
  const rows = Array.from({ length: table.length }, (_, row) => row);
  for (let i = rows.length - 1; i > 0; i--) {
    const j = random.below(i + 1);
    [rows[i], rows[j]] = [rows[j]!, rows[i]!];
  }
  return pickRows(table, rows);
}

describe('different clusters', () => {
  test('what only one side has is told, the rest is compared', () => {
    const a = sideOf(smallSpec({ attentionWorkers: 6 }), { steps: STEPS, seed: 1 });
    const b = sideOf(smallSpec({ layers: 8, microbatches: 2 }), { steps: STEPS, seed: 2 });
    const found = compareWindows(a, b);
    expect(found.a.topology).toBe('6A2F');
    expect(found.b).toMatchObject({ topology: '4A2F', layers: 8, microbatches: 2 });
    expect(found.alignment.onlyA).toEqual(['workers attention/4, attention/5']);
    expect(found.alignment.onlyB).toEqual(['layers 6-7']);
    expect(found.notes.join()).toMatch(/A has 3 micro-batches, B 2/);
    const { cells } = found;
    const ofLayer = (layer: number): Set<string> =>
      new Set(cells.finding.filter((_, i) => cells.layer[i] === layer));
    expect([...ofLayer(7)]).toEqual(['only-b']);
    expect(ofLayer(3).has('only-b')).toBe(false);
    expect(figure(found, 'tokensPerSecondPerGpu').shift).not.toBe(null);
  });

  test('groups of other names stand beside each other', () => {
    const a = simulateSteps(smallSpec(), { steps: STEPS, seed: 1 });
    const b = simulateSteps(smallSpec(), { steps: STEPS, seed: 2 });
    const renamed = {
      ...b,
      workers: b.workers.map((info) =>
        info.role === 'ffn' ? { ...info, group: `experts-${info.rank}`, rank: 0 } : info,
      ),
    };
    const found = compareWindows(sideOfTable(a, 'demo'), sideOfTable(renamed, 'demo'));
    expect(found.alignment.groups).toEqual([
      expect.objectContaining({ name: 'attention', a: ['attention'], b: ['attention'] }),
      expect.objectContaining({ name: 'ffn', a: ['ffn'], b: ['experts-0', 'experts-1'] }),
    ]);
    expect(figure(found, 'busyRatio', 'ffn').finding).toBe('same');
    expect(figure(found, 'busyRatio', 'experts-0/0').finding).toBe('only-b');
  });

  test('against one that is not disaggregated stages are compared whoever runs them', () => {
    const afd = sideOf(smallSpec(), { steps: STEPS, seed: 1 });
    const found = compareWindows(afd, sideOfTable(colocated(), 'demo'));
    expect(found.b.topology).toBe('4 colocated');
    expect(found.alignment.byRole).toBe(false);
    expect(found.alignment.onlyA.join()).toMatch(/group attention .*,group ffn .*,stages a2f_recv/);
    expect(found.alignment.onlyB).toEqual(['group colocated (colocated, 4 workers)']);
    expect(figure(found, 'stepNs').shift).not.toBe(null);
    expect(figure(found, 'busyRatio').shift).not.toBe(null);
    expect(figure(found, 'stage.expert.all').shift).not.toBe(null);
    expect(found.explained!.restNs).toBeCloseTo(0, 3);
    expect(found.verdict.direction).not.toBe('unknown');
  });
});

/** The attention side of a run, which also does the experts. */
function colocated(): EventTable {
  const table = simulateSteps(smallSpec(), { steps: STEPS, seed: 5 });
  const keep = new Set(['attention', 'gate', 'combine', 'dense', 'sample', 'host']);
  const rows = Array.from({ length: table.length }, (_, row) => row).filter((row) =>
    keep.has(table.stageNames[table.stage[row]!]!),
  );
  const picked = pickRows(table, rows);
  const stages = picked.stageNames;
  return {
    ...picked,
    workers: picked.workers.map((info) => ({ ...info, role: 'colocated', group: 'colocated' })),
    stage: picked.stage.map((stage) =>
      stages[stage] === 'combine' ? stages.indexOf('expert') : stage,
    ),
  };
}

describe('little to compare', () => {
  test('few steps: values, no claims', () => {
    const a = sideOf(smallSpec(), { steps: 3, seed: 1 });
    const b = sideOf(smallSpec(), { steps: 4, seed: 2 });
    const found = compareWindows(a, b);
    expect(found.verdict.direction).toBe('unknown');
    expect(found.verdict.sentence).toMatch(/Too few steps to tell: 3 of A, 4 of B/);
    for (const { finding, a: ofA } of found.headline) {
      expect(finding).toBe('too-few');
      expect(ofA).not.toBe(null);
    }
  });

  test('nothing at all', () => {
    const empty = sideOfTable(pickRows(simulateSteps(smallSpec(), { steps: 1 }), []), 'demo');
    const found = compareWindows(empty, sideOf(smallSpec(), { steps: 6, seed: 1 }));
    expect(found.verdict.sentence).toMatch(/no whole step of A/);
    expect(found.explained).toBe(null);
    expect(found.changes).toEqual([]);
  });

  test('steps that are cut at the edges stay out', () => {
    const table = simulateSteps(smallSpec(), { steps: 12, seed: 1 });
    const whole = sideOfTable(table, 'demo');
    const middleNs = (whole.window.fromNs + whole.window.toNs) / 2;
    const late = Array.from({ length: table.length }, (_, row) => row).filter(
      (row) => table.startNs[row]! >= middleNs,
    );
    const { a } = compareWindows(sideOfTable(pickRows(table, late), 'demo'), whole);
    expect(a.steps).toBeLessThanOrEqual(6);
    expect(a.steps).toBeGreaterThanOrEqual(4);
  });
});
