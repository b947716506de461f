/** Who waited because of whom, as the API answers it. */
import { describe, expect, it } from 'vitest';
import { reportOf } from '#lib/analysis/build-report.ts';
import { waitSums } from '#lib/analysis/wait-sums.ts';
import { type WaitMatrix, type Waits, waitsSchema } from '#lib/api/waits.ts';
import { addNanos, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { report } from '#lib/query/report.ts';
import { waits, waitsAnswer } from '#lib/query/waits.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const START = unixNanos(1_767_225_600_000_000_000n);
const spec = scenarioSpec('healthy', { layers: 11, attentionWorkers: 6, ffnWorkers: 3 });
const table = simulateSteps(spec, {
  steps: 15,
  seed: 4,
  startUnixNs: START,
  faults: { slowRank: { role: 'attention', rank: 4, factor: 1.3 } },
});
const assembled = assemble([table], spec.deployment);
const window = { fromNs: 20_000_000, toNs: 90_000_000 };
const inUnix = {
  fromUnixNs: addNanos(assembled.events.baseUnixNs, window.fromNs),
  toUnixNs: addNanos(assembled.events.baseUnixNs, window.toNs),
};
const sums = waitSums(assembled, window);
const answer = waitsSchema.parse(waitsAnswer(sums, spec.deployment, inUnix));
const whole = reportOf(assembled, inUnix);

const total = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);
const matrix = (waits: Waits, kind: WaitMatrix['kind']): WaitMatrix =>
  waits.matrices.find((one) => one.kind === kind)!;

describe('waits', () => {
  it('have the causes of the report, by worker', () => {
    expect(answer.workers.map(({ id, causes }) => ({ id, causes }))).toEqual(
      whole.workers.map(({ id, causes }) => ({ id, causes })),
    );
    for (const { waitedNs, causes } of answer.workers) {
      expect(total(Object.values(causes))).toBe(waitedNs);
    }
    expect(answer.steps).toBe(whole.steps.count);
  });

  it('add up by culprit to what has one, by layer to everything', () => {
    const named = total(answer.matrices.map(({ totalNs }) => total(totalNs)));
    const nobodys = total(
      answer.workers.map(({ causes }) => causes.fillDrainNs + causes.unknownNs),
    );
    const waited = total(answer.workers.map(({ waitedNs }) => waitedNs));
    expect(named).toBe(waited - nobodys);
    for (const { totalNs, causes, waiters, culprits } of answer.matrices) {
      expect(totalNs).toHaveLength(waiters.length * culprits.length);
      totalNs.forEach((ns, i) => {
        expect(total(causes.map((cause) => cause.ns[i]!))).toBe(ns);
      });
    }
    for (const role of ['attention', 'ffn']) {
      const layers = answer.layers.filter((layer) => layer.role === role);
      const group = whole.groups.find((one) => one.role === role)!;
      for (const [name, ns] of Object.entries(group.causes)) {
        const sum = total(layers.map(({ causes }) => causes[name as keyof typeof causes]));
        expect(sum, `${role} ${name}`).toBe(ns);
      }
    }
  });

  it('blame the slow rank, who waits least', () => {
    const slow = answer.workers.find(({ id }) => id === 'attention/4')!;
    const blamed = [...answer.workers].sort((a, b) => b.blamedNs - a.blamedNs);
    expect(blamed[0]).toBe(slow);
    expect(slow.blamed.deviceExcessNs / slow.blamedNs).toBeGreaterThan(0.5);
    const named = whole.stragglers.find(({ worker }) => worker === 'attention/4');
    expect(named?.sufferedNs).toBe(slow.blamedNs);
    const waiting = answer.workers.filter(({ role }) => role === 'attention');
    expect(Math.min(...waiting.map(({ waitedNs }) => waitedNs))).toBe(slow.waitedNs);
    const { totalNs, culprits, waiters } = matrix(answer, 'ffn-attention');
    const column = culprits.findIndex((w) => answer.workers[w] === slow);
    for (let row = 0; row < waiters.length; row++) {
      const ofRow = totalNs.slice(row * culprits.length, (row + 1) * culprits.length);
      expect(Math.max(...ofRow)).toBe(ofRow[column]);
    }
    // Only work of its own makes a worker wait for itself.
    const fanIn = matrix(answer, 'attention-attention');
    fanIn.waiters.forEach((w, i) => {
      expect(fanIn.totalNs[i * fanIn.culprits.length + fanIn.culprits.indexOf(w)]).toBe(0);
    });
  });

  it('have the stages of a layer, clipped to the window', () => {
    const expert = answer.layers
      .filter(({ role }) => role === 'ffn')
      .map(({ layer, stages }) => ({
        layer,
        ns: stages.find((s) => s.stage === 'expert')?.totalNs,
      }));
    expect(expert.map(({ layer }) => layer)).toEqual([3, 4, 5, 6, 7, 8, 9, 10]);
    const ffn = whole.groups.find(({ role }) => role === 'ffn')!;
    // Experts are all that FFN workers compute here, one at a time.
    expect(total(expert.map(({ ns }) => ns!))).toBe(ffn.computeNs);
    const dense = answer.layers.find(({ layer, role }) => layer === 0 && role === 'attention')!;
    expect(dense.stages.map(({ stage }) => stage)).toEqual(['attention', 'dense']);
  });

  it('of many workers show those with the most time, and count the rest', () => {
    const small = waitsSchema.parse(waitsAnswer(sums, spec.deployment, inUnix, 2));
    const full = matrix(answer, 'ffn-attention');
    const cut = matrix(small, 'ffn-attention');
    expect(cut).toMatchObject({ hiddenWaiters: 1, hiddenCulprits: 4 });
    expect(cut.totalNs).toHaveLength(4);
    expect(cut.hiddenNs + total(cut.totalNs)).toBe(total(full.totalNs));
    expect(cut.culprits.map((w) => answer.workers[w]!.id)).toContain('attention/4');
    expect(full.hiddenNs).toBe(0);
  });

  it('of the store are those of the report', async () => {
    const location = { data: 'waits.test', store: 'memory:' };
    const store = await openTelemetryWriter(location);
    const received = addNanos(START, 1e9);
    await store.append([batchOf('a', { receivedUnixNs: received, events: [table] })]);
    const question = {
      deployment: spec.deployment,
      from: String(inUnix.fromUnixNs),
      to: String(inUnix.toUnixNs),
    };
    const stored = waitsSchema.parse(await waits(store, question, received));
    const reported = await report(store, question, received);
    expect(stored.workers.map(({ id, causes }) => ({ id, causes }))).toEqual(
      reported.workers.map(({ id, causes }) => ({ id, causes })),
    );
    await store.close();
  });
});
