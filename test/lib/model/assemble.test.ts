import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { unixNanos } from '#lib/base/units.ts';
import { assemble, deploymentsIn } from '#lib/model/assemble.ts';
import { selectWindow } from '#lib/model/select-window.ts';
import { Kind, Phase, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { testWorker } from '#test/support/afd-table.ts';

const BASE = 1_780_000_000_000_000_000n;
const SECOND = 1e9;

function table(
  rows: readonly Partial<EventRow>[],
  workers: WorkerInfo[] = [testWorker(0)],
  baseUnixNs = BASE,
  stageNames?: string[],
): EventTable {
  const builder = new EventTableBuilder(unixNanos(baseUnixNs), workers, stageNames);
  const defaults = { worker: 0, stage: Stage.attention, kind: Kind.compute };
  for (const row of rows) builder.add({ ...defaults, startNs: 0, durationNs: 10, step: 0, ...row });
  return builder.finish();
}

describe('assemble', () => {
  it('sorts by worker and start over tables of different bases', () => {
    const workers = [testWorker(1), testWorker(0)];
    const late = table([{ startNs: 5 }, { worker: 1, startNs: 0 }], workers, BASE + 100n);
    const early = table([{ startNs: 30 }, { worker: 1, startNs: 60 }], workers);
    const { events, offsets } = assemble([late, early], 'prod');
    expect(events.baseUnixNs).toBe(BASE);
    expect(events.workers.map((worker) => worker.rank)).toEqual([0, 1]);
    expect([...events.worker]).toEqual([0, 0, 1, 1]);
    expect([...events.startNs]).toEqual([60, 100, 30, 105]);
    expect([...offsets]).toEqual([0, 2, 4]);
  });

  it('orders workers by role, then rank, and keeps only the deployment that is asked', () => {
    const workers = [
      testWorker(1, { role: 'ffn' }),
      testWorker(10, { role: 'attention' }),
      testWorker(9, { role: 'attention' }),
      testWorker(0, { deployment: 'staging' }),
    ];
    const rows = workers.map((_, worker) => ({ worker }));
    const { events } = assemble([table(rows, workers)], 'prod');
    expect(events.workers.map((w) => `${w.role}/${w.rank}`)).toEqual([
      'attention/9',
      'attention/10',
      'ffn/1',
    ]);
    expect(deploymentsIn([table(rows, workers)])).toEqual(['prod', 'staging']);
    expect(deploymentsIn([table([{ worker: 3 }], workers)])).toEqual(['staging']);
  });

  it('drops exact duplicates within one incarnation and counts them', () => {
    const workers = [testWorker(0), testWorker(0, { incarnation: 'two' })];
    const rows = [{}, {}, { worker: 1 }, { peer: 3 }, { layer: 1 }, { durationNs: 11 }, {}];
    const assembled = assemble([table(rows, workers), table([{}], [testWorker(0)])], 'prod');
    expect(assembled.events.length).toBe(5);
    expect(assembled.events.workers).toHaveLength(1);
    const report = buildReport({ events: [table(rows, workers)], deployment: 'prod' });
    expect(report.quality).toMatchObject({ events: 5, duplicates: 2 });
  });

  it('sets warm-up and graph capture aside', () => {
    const rows = [
      {},
      { phase: Phase.warmup },
      { phase: Phase.capture },
      { phase: Phase.prefill, startNs: 3 },
    ];
    const assembled = assemble([table(rows)], 'prod');
    expect(assembled.events.length).toBe(2);
    expect(assembled.setAside).toBe(2);
  });

  it('describes a worker as its newest event does', () => {
    const workers = [
      testWorker(0, { host: 'old' }),
      testWorker(0, { host: 'new', incarnation: 'b' }),
    ];
    const both = table(
      [
        { worker: 1, startNs: 50 },
        { worker: 0, startNs: 20 },
      ],
      workers,
    );
    const assembled = assemble([both], 'prod');
    expect(assembled.events.workers.map((worker) => worker.host)).toEqual(['new']);
    const later = table(
      [
        { worker: 0, startNs: 20, step: -1 },
        { worker: 1, startNs: 50, step: -1 },
      ],
      workers,
    );
    const early = selectWindow(assemble([later], 'prod'), { fromNs: 0, toNs: 40 });
    expect(early.events.workers.map((worker) => worker.host)).toEqual(['old']);
  });

  it('keeps a window sorted by worker where a worker changed its role', () => {
    const workers = [
      testWorker(0, { role: 'ffn', group: 'g' }),
      testWorker(0, { role: 'attention', group: 'g', incarnation: 'b' }),
      testWorker(5, { role: 'attention' }),
    ];
    const rows = [
      { worker: 0, startNs: 0, step: -1 },
      { worker: 2, startNs: 1, step: -1 },
      { worker: 1, startNs: 90, step: -1 },
    ];
    const whole = assemble([table(rows, workers)], 'prod');
    expect(whole.events.workers.map((w) => w.role)).toEqual(['attention', 'attention']);
    const part = selectWindow(whole, { fromNs: 0, toNs: 50 });
    expect(part.events.workers.map((w) => `${w.group}/${w.role}`)).toEqual([
      'attention/attention',
      'g/ffn',
    ]);
    expect([...part.events.worker]).toEqual([0, 1]);
    expect([...part.events.startNs]).toEqual([1, 0]);
  });

  it('gives unknown stages the same numbers whatever the tables say', () => {
    const names = (...extra: string[]) => [...Object.keys(Stage), ...extra];
    const a = table([{ stage: 14 }], [testWorker(0)], BASE, names('zeta', 'alpha'));
    const b = table([{ stage: 14, startNs: 20 }], [testWorker(0)], BASE, names('alpha'));
    const { events } = assemble([a, b], 'prod');
    expect([...events.stage].map((code) => events.stageNames[code])).toEqual(['zeta', 'alpha']);
    expect(events.stageNames.slice(14)).toEqual(['alpha', 'zeta']);
  });

  it('leaves out and counts events that are months away from the rest', () => {
    const far = table([{}], [testWorker(0)], 5n);
    const near = table([{}, { startNs: 20 }]);
    const report = buildReport({
      events: [far, near],
      deployment: 'prod',
      rejected: { bad_time: 2 },
    });
    expect(report.quality.events).toBe(2);
    expect(report.quality.rejected).toEqual({ bad_time: 3 });
    expect(report.window.durationNs).toBe(30);
  });

  it('numbers huge layers without huge memory', () => {
    const rows = [
      { layer: 2_000_000_000, microbatch: 2_000_000_000 },
      { layer: 2_000_000_001, microbatch: 2_000_000_000, startNs: 20 },
    ];
    const { keys } = assemble([table(rows)], 'prod');
    expect(keys.length).toBe(2);
    expect([...keys.next]).toEqual([1, -1]);
  });
});

describe('a list of peers with -1 in it', () => {
  it.each([[[-1, 2]], [[2, -1]], [[2, 3, -1]]])('means everybody: %j', (peers) => {
    const workers = [testWorker(0), testWorker(0, { role: 'ffn' })];
    const key = { layer: 0, microbatch: 0 };
    const rows = [
      { ...key, stage: Stage.a2f_send, kind: Kind.transfer, lists: { peers } },
      { ...key, worker: 1, stage: Stage.a2f_recv, kind: Kind.receive },
    ];
    const { quality } = buildReport({ events: [table(rows, workers)], deployment: 'prod' });
    expect(quality.unmatchedReceives).toBe(0);
  });
});

describe('steps', () => {
  it('with a number that comes back after a restart are two steps', () => {
    const rows = [
      { step: 0, startNs: 0 },
      { step: 1, startNs: 20 },
      { step: 0, startNs: 30 * SECOND },
      { step: 1, startNs: 30 * SECOND + 20 },
    ];
    const { steps, stepOf } = assemble([table(rows)], 'prod');
    expect(steps.length).toBe(4);
    expect([...steps.step]).toEqual([0, 0, 1, 1]);
    expect([...stepOf]).toEqual([0, 2, 1, 3]);
    expect([...steps.next]).toEqual([2, 3, -1, -1]);
    const report = buildReport({ events: [table(rows)], deployment: 'prod' });
    expect(report.steps).toMatchObject({ count: 4 });
    expect(report.steps.latencyNs?.max).toBe(10);
    expect(report.workers[0]).toMatchObject({ observedNs: 60, activeNs: 40 });
  });

  it('observe the pause between them up to 10 s, and not beyond', () => {
    const observed = (pauseNs: number) => {
      const rows = [{ step: 4 }, { step: 5, startNs: 10 + pauseNs }];
      return buildReport({ events: [table(rows)], deployment: 'prod' }).workers[0]!.observedNs;
    };
    expect(observed(10 * SECOND)).toBe(10 * SECOND + 20);
    expect(observed(10 * SECOND + 1)).toBe(20);
  });

  it('that a worker lost are not observed for it', () => {
    const workers = [testWorker(0), testWorker(1)];
    const rows = [0, 1, 2].flatMap((step) => [
      { worker: 0, step, startNs: step * 100 },
      { worker: 1, step, startNs: step * 100 },
    ]);
    rows.splice(3, 1);
    const report = buildReport({ events: [table(rows, workers)], deployment: 'prod' });
    expect(report.workers.map((worker) => worker.observedNs)).toEqual([210, 20]);
    expect(report.workers.map((worker) => worker.activeNs)).toEqual([30, 20]);
  });
});
