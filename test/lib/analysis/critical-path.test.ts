/** The critical path: drawn steps, sums over steps, and paths without holes in any table. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { CriticalPaths, PATH_KINDS } from '#lib/analysis/critical-path.ts';
import { indexDependencies } from '#lib/analysis/dependency-index.ts';
import type { PathKind } from '#lib/analysis/report-types.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble } from '#lib/model/assemble.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { SCENARIO_NAMES, scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { pipelineTable, wildTables } from '#test/support/random-tables.ts';
import { drawTable } from '#test/support/step-diagram.ts';

/** The path of the first step, from its start on, as "from-to worker stage kind". */
function pathOf(table: EventTable, deployment = 'prod', unitNs = 10): string[] {
  const assembled = assemble([table], deployment);
  const { events, steps } = assembled;
  const path: string[] = [];
  new CriticalPaths(indexDependencies(assembled)).walk(
    0,
    (startNs, endNs, worker, stage, layer, microbatch, kind) => {
      const at = (ns: number) => (ns - steps.startNs[0]!) / unitNs;
      const name = stage < 0 ? 'gap' : events.stageNames[stage]!;
      const place = `${workerId(events.workers[worker]!)} ${name} ${layer}/${microbatch}`;
      path.unshift(`${at(startNs)}-${at(endNs)} ${place} ${PATH_KINDS[kind]}`);
    },
  );
  return path;
}

describe('the path of a drawn step', () => {
  it('goes to and fro between the sides', () => {
    const table = drawTable(`
      attention/0  host                |xx····················|
      attention/0  attention  layer=0  |··0000················|
      attention/0  gate       layer=0  |······0···············|
      attention/0  a2f_send   layer=0  |·······000············|
      ffn/0        a2f_recv   layer=0  |··00000000············|
      ffn/0        expert     layer=0  |··········000·········|
      ffn/0        f2a_send   layer=0  |·············0000·····|
      attention/0  f2a_recv   layer=0  |··········0000000·····|
      attention/0  combine    layer=0  |·················00···|
      attention/0  sample              |···················xxx|`);
    expect(pathOf(table)).toEqual([
      '0-2 attention/0 host -1/-1 host',
      '2-6 attention/0 attention 0/0 compute',
      '6-7 attention/0 gate 0/0 compute',
      '7-10 attention/0 a2f_send 0/0 a2f',
      '10-13 ffn/0 expert 0/0 compute',
      '13-17 ffn/0 f2a_send 0/0 f2a',
      '17-19 attention/0 combine 0/0 compute',
      '19-22 attention/0 sample -1/-1 compute',
    ]);
  });

  it('goes through the send that ended last, whichever started last', () => {
    const table = drawTable(`
      attention/0  attention  layer=0  |00············|
      attention/0  a2f_send   layer=0  |··0000000·····|
      attention/1  attention  layer=0  |000···········|
      attention/1  a2f_send   layer=0  |···000········|
      ffn/0        a2f_recv   layer=0  |·00000000·····|
      ffn/0        expert     layer=0  |·········00000|`);
    expect(pathOf(table)).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-9 attention/0 a2f_send 0/0 a2f',
      '9-14 ffn/0 expert 0/0 compute',
    ]);
  });

  it('waits for the link behind an earlier send, and for the worker behind an earlier key', () => {
    const table = drawTable(`
      attention/0  attention  layer=0  |0011·············|
      attention/0  a2f_send   layer=0  |··000000111······|
      ffn/0        a2f_recv   layer=0  |00000000111······|
      ffn/0        expert     layer=0  |········000001···|
      ffn/0        f2a_send   layer=0  |·············0011|`);
    const linked = drawTable(`
      attention/0  attention  layer=0  |0011·············|
      attention/0  a2f_send   layer=0  |··000000111······|
      ffn/0        a2f_recv   layer=0  |00000000111······|
      ffn/0        expert     layer=0  |········00·11····|`);
    expect(pathOf(table)).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-8 attention/0 a2f_send 0/0 a2f',
      '8-13 ffn/0 expert 0/0 compute',
      '13-15 ffn/0 f2a_send 0/0 link-queue',
      '15-17 ffn/0 f2a_send 0/1 f2a',
    ]);
    expect(pathOf(linked)).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-8 attention/0 a2f_send 0/0 link-queue',
      '8-11 attention/0 a2f_send 0/1 a2f',
      '11-13 ffn/0 expert 0/1 compute',
    ]);
  });

  it('tells time that nothing explains, in front of an event and where a send is missing', () => {
    const idle = drawTable(`
      attention/0  attention  layer=0  |00··········|
      attention/0  attention  layer=1  |····00······|
      attention/0  sample              |·········xxx|`);
    expect(pathOf(idle)).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-4 attention/0 gap 1/0 gap',
      '4-6 attention/0 attention 1/0 compute',
      '6-9 attention/0 gap -1/-1 gap',
      '9-12 attention/0 sample -1/-1 compute',
    ]);
    const lost = drawTable(`
      attention/0  attention  layer=0  |00··········|
      attention/0  a2f_send   layer=0  |··00········|
      ffn/0        expert     layer=0  |····00······|
      attention/0  f2a_recv   layer=0  |····00000···|
      attention/0  combine    layer=0  |·········000|`);
    expect(pathOf(lost)).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-4 attention/0 a2f_send 0/0 a2f',
      '4-9 attention/0 gap 0/0 gap',
      '9-12 attention/0 combine 0/0 compute',
    ]);
  });

  it('goes through the sends themselves where the receive is missing', () => {
    const table = drawTable(`
      attention/0  attention  layer=0  |00··········|
      attention/0  a2f_send   layer=0  |··000·······|
      ffn/0        expert     layer=0  |·····000····|`);
    expect(pathOf(table)).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-5 attention/0 a2f_send 0/0 a2f',
      '5-8 ffn/0 expert 0/0 compute',
    ]);
  });

  it('takes the time after a send for the transfer, but a long one after an arrival for a gap', () => {
    const drawing = `
      attention/0  attention  layer=0  |00··········|
      attention/0  a2f_send   layer=0  |··0·········|
      ffn/0        a2f_recv   layer=0  |·0000·······|
      ffn/0        expert     layer=0  |·····000····|`;
    expect(pathOf(drawTable(drawing, 10, { sendEnd: 'posted' }))).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-5 attention/0 a2f_send 0/0 a2f',
      '5-8 ffn/0 expert 0/0 compute',
    ]);
    expect(pathOf(drawTable(drawing, 10, { sendEnd: 'arrival' }))[2]).toBe('3-5 ffn/0 gap 0/0 gap');
    expect(pathOf(drawTable(drawing, 10, { sendEnd: 'unknown' }))[2]).toBe(
      '3-5 ffn/0 a2f_recv 0/0 a2f',
    );
    const soon = drawing.replace('··0··', '··00·');
    expect(pathOf(drawTable(soon, 10, { sendEnd: 'arrival' }))[2]).toBe(
      '4-5 ffn/0 a2f_recv 0/0 a2f',
    );
  });

  it('waits for a receiver where sends rendezvous', () => {
    const table = drawTable(
      `
      attention/0  attention  layer=0  |00············|
      attention/0  a2f_send   layer=0  |··0000000·····|
      ffn/0        expert     layer=1  |··111·········|
      ffn/0        a2f_recv   layer=0  |·····0000·····|
      ffn/0        expert     layer=0  |·········00···|`,
      10,
      { sendMode: 'rendezvous' },
    );
    expect(pathOf(table)).toEqual([
      '0-2 ffn/0 gap 1/1 gap',
      '2-5 ffn/0 expert 1/1 compute',
      '5-9 attention/0 a2f_send 0/0 a2f',
      '9-11 ffn/0 expert 0/0 compute',
    ]);
  });

  it('goes by the worker where its receive was posted late, and by a send that kept it idle', () => {
    const late = drawTable(`
      attention/0  attention  layer=0  |00············|
      attention/0  a2f_send   layer=0  |··00··········|
      ffn/0        expert     layer=1  |000000········|
      ffn/0        a2f_recv   layer=0  |······00······|
      ffn/0        expert     layer=0  |········000···|`);
    expect(pathOf(late)).toEqual([
      '0-6 ffn/0 expert 1/0 compute',
      '6-8 ffn/0 a2f_recv 0/0 a2f',
      '8-11 ffn/0 expert 0/0 compute',
    ]);
    const blocking = drawTable(`
      attention/0  attention  layer=0  |00···11·······|
      attention/0  a2f_send   layer=0  |··000··111····|`);
    expect(pathOf(blocking)).toEqual([
      '0-2 attention/0 attention 0/0 compute',
      '2-5 attention/0 a2f_send 0/0 a2f',
      '5-7 attention/0 attention 0/1 compute',
      '7-10 attention/0 a2f_send 0/1 a2f',
    ]);
  });

  it('counts collectives and copies under kinds of their own', () => {
    const table = drawTable(`
      attention/0  attention   layer=0  |000···········|
      attention/0  collective  layer=0  |···000········|
      attention/0  copy        layer=0  |······00······|
      attention/0  a2f_send    layer=0  |········000···|`);
    expect(pathOf(table)).toEqual([
      '0-3 attention/0 attention 0/0 compute',
      '3-6 attention/0 collective 0/0 collective',
      '6-8 attention/0 copy 0/0 copy',
      '8-11 attention/0 a2f_send 0/0 a2f',
    ]);
  });

  it('starts at the first start, with the tail of the step before that was still in the way', () => {
    const table = drawTable(`
      attention/0  sample              step=0  |xxxxx·········|
      attention/0  attention  layer=0  step=1  |·····000······|
      attention/1  sample              step=0  |xxx···········|
      attention/1  attention  layer=0  step=1  |···00·········|`);
    const assembled = assemble([table], 'prod');
    const path: string[] = [];
    new CriticalPaths(indexDependencies(assembled)).walk(1, (startNs, endNs, worker, stage) => {
      path.unshift(`${startNs}-${endNs} ${worker} ${assembled.events.stageNames[stage]}`);
    });
    expect(path).toEqual(['30-50 0 sample', '50-80 0 attention']);
  });

  it('follows another domain through the FFN worker that both use', () => {
    const table = drawTable(`
      attention/0  attention  layer=0           |·000··········|
      attention/0  a2f_send   layer=0           |····00········|
      ffn/0        a2f_recv   layer=0           |0000000·······|
      attention/1  attention  layer=0 domain=1  |00············|
      attention/1  a2f_send   layer=0 domain=1  |··00··········|
      ffn/0        a2f_recv   layer=0 domain=1  |0000··········|
      ffn/0        expert     layer=0 domain=1  |····00000·····|
      ffn/0        expert     layer=0           |·········00000|`);
    expect(pathOf(table)).toEqual([
      '0-2 attention/1 attention 0/0 compute',
      '2-4 attention/1 a2f_send 0/0 a2f',
      '4-9 ffn/0 expert 0/0 compute',
      '9-14 ffn/0 expert 0/0 compute',
    ]);
  });
});

describe('paths of any table', () => {
  it('have no holes, and add up to the latencies', () => {
    const tables = fc.oneof(
      wildTables,
      fc.nat(1_000_000).map((seed) => [pipelineTable(seed)]),
    );
    let segments = 0;
    fc.assert(
      fc.property(tables, (events) => {
        const assembled = assemble(events, 'prod');
        const { steps } = assembled;
        const paths = new CriticalPaths(indexDependencies(assembled));
        for (let step = 0; step < steps.length; step++) {
          let reachedNs = steps.endNs[step]!;
          paths.walk(step, (startNs, endNs) => {
            expect(endNs).toBe(reachedNs);
            expect(startNs).toBeLessThan(endNs);
            reachedNs = startNs;
            segments++;
          });
          expect(reachedNs).toBe(steps.startNs[step]);
        }
      }),
      { seed: 31, numRuns: 400 },
    );
    expect(segments).toBeGreaterThan(2000);
  });

  it.each(SCENARIO_NAMES)(
    '%s: with one event in fifty lost, what is not explained is little',
    (name) => {
      for (const sends of ['all', 'per-peer'] as const) {
        const spec = scenarioSpec(name, { layers: 20, sends });
        const events = [simulateSteps(spec, { steps: 5, faults: { lostSpansRatio: 0.02 } })];
        const { durationNs, byKind } = buildReport({ events, deployment: 'demo' }).criticalPath!;
        const gapNs = byKind.find(({ kind }) => kind === 'gap')!.ns;
        expect(gapNs / durationNs).toBeGreaterThan(0.001);
        expect(gapNs / durationNs).toBeLessThan(0.06);
      }
    },
  );

  it.each(SCENARIO_NAMES)('%s: as clocks are aligned, stages keep their shares', (name) => {
    const shares = (faults: Faults) => {
      const table = simulateSteps(scenarioSpec(name, { layers: 20 }), { steps: 6, faults });
      const { tables } = alignEvents([table], 'demo', {});
      const path = buildReport({ events: tables, deployment: 'demo' }).criticalPath!;
      const kinds = new Map(path.byKind.map(({ kind, ns }) => [kind, ns / path.durationNs]));
      return (kind: PathKind) => kinds.get(kind) ?? 0;
    };
    const truth = shares({});
    const skewed = shares({
      clockOffset: [
        { target: 'node-1', offsetNs: 2_000_000, driftPpm: 20 },
        { target: 'node-0', offsetNs: -700_000 },
      ],
    });
    for (const kind of ['compute', 'a2f', 'f2a', 'link-queue', 'host'] as const) {
      expect(Math.abs(skewed(kind) - truth(kind)), kind).toBeLessThan(0.03);
    }
    expect(skewed('gap')).toBeLessThan(0.01);
  });

  it.each(SCENARIO_NAMES)('%s: the report adds up by stage, worker, layer and kind', (name) => {
    const spec = scenarioSpec(name, { layers: 12, domains: 2 });
    const events = [simulateSteps(spec, { steps: 5, faults: { lostSpansRatio: 0.02 } })];
    const { criticalPath, steps } = buildReport({ events, deployment: 'demo' });
    const { durationNs, share, byStage, byWorker, byLayer, byKind } = criticalPath!;
    expect(criticalPath).toMatchObject({ steps: 10, ofSteps: 10 });
    expect(durationNs).toBeCloseTo(steps.latencyNs!.mean * 10, 3);
    for (const parts of [share, byStage, byWorker, byLayer, byKind]) {
      expect(parts.reduce((sum, { ns }) => sum + ns, 0)).toBe(durationNs);
    }
    expect(share.length).toBeLessThanOrEqual(201);
    expect(share[0]!.ns).toBeGreaterThanOrEqual(share[1]!.ns);
  });
});
