/**
 * The probe in processes that really compute and really send (probe/examples/pipeline), and a real
 * collector: what the report says is what the processes measured themselves, and nothing is lost.
 */
import { createServer } from 'node:net';
import { describe, expect, test } from 'vitest';
import { pause, startCollector } from '#test/support/afdscope-process.ts';
import { exportedEvents } from '#test/support/exported-events.ts';
import {
  eventsOf,
  PipelineProcess,
  type PipelineRun,
  runPipeline,
} from '#test/support/pipeline-run.ts';
import { PYTHON } from '#test/support/python.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { expectReportAgrees, expectSameEvents, idOf, storedReport } from './pipeline-agreement.ts';

const SOON = { timeout: 60_000, interval: 50 };
const LONG_ENOUGH = 180_000;
const python = PYTHON ?? '';

/** Events that the collector says it stored. */
async function acceptedEvents(admin: string): Promise<number> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const line = /^afdscope_receiver_accepted_spans_total\{transport="http"\} (\d+)$/m.exec(text);
  return Number(line?.[1] ?? 0);
}

/** What the probes say they recorded, and that they dropped none of it. */
function expectNothingDropped(run: PipelineRun): void {
  for (const worker of run.workers) {
    const events = Object.values(worker.stages).reduce((total, stage) => total + stage.count, 0);
    expect(worker.flushed, idOf(worker)).toBe(true);
    expect(worker.probe, idOf(worker)).toMatchObject({ events });
    expect(droppedBy(worker.probe), idOf(worker)).toBe(0);
  }
}

function droppedBy(stats: Readonly<Record<string, unknown>> | undefined): number {
  return Number(stats?.dropped_events ?? Number.NaN);
}

/** A port that nobody listens on. */
async function freePort(): Promise<number> {
  const server = createServer();
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const address = server.address();
  await new Promise((resolve) => server.close(resolve));
  return typeof address === 'object' && address !== null ? address.port : 0;
}

describe.skipIf(PYTHON === null)('a pipeline of real processes', () => {
  test.each([
    { topology: '1A1F', microbatches: 2, args: [] },
    { topology: '2A2F', microbatches: 3, args: ['--layers', '5', '--steps', '24'] },
    { topology: '3A1F', microbatches: 1, args: ['--layers', '4', '--steps', '16'] },
  ])(
    '$topology with $microbatches micro-batches: the report agrees with what they measured',
    async ({ topology, microbatches, args }) => {
      const data = scratchFolder();
      const collector = await startCollector(data);
      const run = await runPipeline(python, [
        ...['--topology', topology, '--microbatches', String(microbatches), '--steps', '40'],
        ...['--endpoint', collector.otlpHttp, '--seed', '7', ...args],
      ]);
      expectNothingDropped(run);
      expect(await acceptedEvents(collector.admin)).toBe(eventsOf(run));
      expectSameEvents(run, await exportedEvents(data, 'pipeline'));
      expectReportAgrees(run, await storedReport(data, 'pipeline'));
    },
    LONG_ENOUGH,
  );

  test(
    'an expert rank that takes three times as long is named',
    async () => {
      const data = scratchFolder();
      const collector = await startCollector(data);
      const run = await runPipeline(python, [
        ...['--topology', '2A2F', '--steps', '40', '--endpoint', collector.otlpHttp],
        ...['--slow-rank', '1', '--slow-factor', '3'],
      ]);
      const report = await storedReport(data, 'pipeline');
      expectReportAgrees(run, report);
      // Sends are short and wake their receiver: on few cores any of them may look slow, and is named too.
      const slow = report.stragglers.filter(({ stage }) => stage === 'expert');
      expect(slow.map(({ worker }) => worker)).toEqual(['ffn/1']);
      expect(slow[0]!.excessRatio).toBeGreaterThan(0.3);
      const waitNs = new Map(report.workers.map((worker) => [worker.id, worker.waitNs]));
      expect(waitNs.get('ffn/1')).toBeLessThan(waitNs.get('ffn/0')!);
    },
    LONG_ENOUGH,
  );

  test(
    'a collector that is killed and started again misses nothing and counts nothing twice',
    async () => {
      const data = scratchFolder();
      const first = await startCollector(data);
      const pipeline = new PipelineProcess(python, [
        ...['--topology', '1A2F', '--steps', '120', '--pause-s', '0.05', '--layers', '4'],
        ...['--endpoint', first.otlpHttp, '--flush-s', '60'],
      ]);
      await expect.poll(() => acceptedEvents(first.admin), SOON).toBeGreaterThan(0);
      process.kill(first.pid, 'SIGKILL');
      await first.process.finished;
      await pause(1500);
      expect(pipeline.isRunning, 'steps were made while there was no collector').toBe(true);
      await startCollector(data, { AFDSCOPE_OTLP_HTTP: new URL(first.otlpHttp).host });
      const run = await pipeline.finished;

      expectNothingDropped(run);
      const retries = run.workers.map(({ probe }) => Number(probe?.retries));
      expect(Math.max(...retries)).toBeGreaterThan(0);
      expectSameEvents(run, await exportedEvents(data, 'pipeline'));
      expectReportAgrees(run, await storedReport(data, 'pipeline'));
    },
    LONG_ENOUGH,
  );

  test(
    'without a collector the same tokens are made, memory stays bounded, and losses are counted',
    async () => {
      const queueBytes = 65_536;
      const size = ['--topology', '2A1F', '--steps', '150', '--layers', '6', '--seed', '3'];
      const plain = await runPipeline(python, [...size, '--no-probe']);
      const endpoint = `http://127.0.0.1:${await freePort()}`;
      const args = [...size, '--endpoint', endpoint, '--flush-s', '0.2'];
      const env = { AFDSCOPE_PROBE_QUEUE_BYTES: String(queueBytes) };
      const alone = await runPipeline(python, args, env);

      const tokens = (run: PipelineRun) => run.workers.map(({ sampled }) => sampled);
      expect(tokens(alone)).toEqual(tokens(plain));
      for (const worker of alone.workers) {
        const events = Object.values(worker.stages).reduce((all, stage) => all + stage.count, 0);
        expect(worker.probe, idOf(worker)).toMatchObject({ events });
        expect(droppedBy(worker.probe), idOf(worker)).toBeGreaterThan(0);
        expect(droppedBy(worker.probe), idOf(worker)).toBeLessThanOrEqual(events);
        expect(Number(worker.probe?.queue_bytes)).toBeLessThanOrEqual(queueBytes);
        // What a run of a tenth of the length needs is what it needs: the rest is noise of the heap.
        const [early = 0, ...later] = worker.residentBytes;
        expect(Math.max(...later) - early, idOf(worker)).toBeLessThan(4 << 20);
      }
    },
    LONG_ENOUGH,
  );

  test(
    'one step in four: every rank sends the same steps, whole',
    async () => {
      const data = scratchFolder();
      const collector = await startCollector(data);
      const run = await runPipeline(python, [
        ...['--topology', '2A2F', '--steps', '80', '--layers', '3', '--mode', '1/4'],
        ...['--endpoint', collector.otlpHttp],
      ]);
      const events = await exportedEvents(data, 'pipeline');
      const steps = run.workers.map((worker) => {
        const own = events.filter((event) => event.worker === idOf(worker));
        return [...new Set(own.map((event) => Number(event.step)))];
      });
      expect(steps[0]!.length).toBeGreaterThan(8);
      expect(steps[0]!.length).toBeLessThan(40);
      for (const others of steps) expect(others).toEqual(steps[0]);
      const report = await storedReport(data, 'pipeline');
      expect(report.steps.count).toBe(steps[0]!.length);
      expect(report.quality).toMatchObject({ unmatchedReceives: 0, incompleteKeys: 0 });
    },
    LONG_ENOUGH,
  );
});
