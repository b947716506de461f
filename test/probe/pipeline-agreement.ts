/**
 * What the collector says of a pipeline, against what the pipeline's workers measured themselves.
 *
 * Around every stage a worker reads the clock outside and inside of the probe's calls, so the probe's
 * duration lies between the inner and the outer one, whatever the operating system does in between:
 * sums are compared with bounds that hold to the nanosecond. Only what needs the clocks of two
 * processes has a tolerance: each anchors its monotonic clock to unix time for itself.
 */
import { expect } from 'vitest';
import type { z } from 'zod';
import { reportSchema } from '#lib/api/report-schema.ts';
import { runAfdscope } from '#test/support/afdscope-process.ts';
import type { ExportedEvent } from '#test/support/exported-events.ts';
import type { PipelineRun, StageMeasured, WorkerMeasured } from '#test/support/pipeline-run.ts';

export type Report = z.infer<typeof reportSchema>;

/**
 * Two anchors of one host may differ by this: the probe measures each to some hundred nanoseconds,
 * and moves it only by more than 2 µs (probe/afdscope_probe/clock.py).
 */
const BETWEEN_PROCESSES_NS = 10_000;
const COMPUTE = ['attention', 'expert', 'combine', 'sample'];
const SENDS = ['a2f_send', 'f2a_send'];

interface Bounds {
  readonly low: number;
  readonly high: number;
}

/** The report of everything that the store holds. */
export async function storedReport(data: string, deployment: string): Promise<Report> {
  const args = ['report', '--data', data, '--deployment', deployment, '--json'];
  const { code, stdout, stderr } = await runAfdscope(args);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return reportSchema.parse(JSON.parse(stdout));
}

export function idOf(worker: WorkerMeasured): string {
  return `${worker.role}/${worker.rank}`;
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}

function expectWithin(what: string, value: number, { low, high }: Bounds): void {
  expect(value, `${what}: ${value} in ${low}..${high}`).toBeGreaterThanOrEqual(low);
  expect(value, `${what}: ${value} in ${low}..${high}`).toBeLessThanOrEqual(high);
}

function stagesOf(worker: WorkerMeasured, names: readonly string[]): StageMeasured[] {
  return names.flatMap((name) => worker.stages[name] ?? []);
}

function boundsOf(measured: readonly { innerNs: number; outerNs: number }[]): Bounds {
  return { low: sum(measured.map((m) => m.innerNs)), high: sum(measured.map((m) => m.outerNs)) };
}

/** Each worker's events of each stage: how many, how long, and what they worked on. */
export function expectSameEvents(run: PipelineRun, events: readonly ExportedEvent[]): void {
  const left = new Map<string, ExportedEvent[]>();
  for (const event of events) {
    const key = `${event.worker} ${event.stage}`;
    left.set(key, [...(left.get(key) ?? []), event]);
  }
  for (const worker of run.workers) {
    for (const [stage, measured] of Object.entries(worker.stages)) {
      const key = `${idOf(worker)} ${stage}`;
      const own = left.get(key) ?? [];
      left.delete(key);
      const total = (column: string) => sum(own.map((event) => Number(event[column] ?? '')));
      expect(own.length, key).toBe(measured.count);
      expectWithin(key, total('raw_duration_ns'), boundsOf([measured]));
      expect(total('tokens'), key).toBe(measured.tokens);
      expect(total('size_bytes'), key).toBe(measured.bytes);
      expect(total('context_tokens'), key).toBe(measured.contextTokens);
      expect(expertSums(own), key).toEqual(measured.expertTokens);
      expectEveryKeyOnce(run, stage, own);
    }
  }
  expect([...left.keys()]).toEqual([]);
}

function expertSums(events: readonly ExportedEvent[]): number[] {
  const sums: number[] = [];
  for (const event of events) {
    const text = event.expert_tokens ?? '';
    if (text === '') continue;
    text.split(' ').forEach((count, i) => {
      sums[i] = (sums[i] ?? 0) + Number(count);
    });
  }
  return sums;
}

/** A stage comes once for each step, layer, micro-batch and peer. */
function expectEveryKeyOnce(
  run: PipelineRun,
  stage: string,
  events: readonly ExportedEvent[],
): void {
  const { steps, layers, microbatches, attention_ranks, expert_ranks } = run.settings;
  const peers =
    stage.startsWith('a2f_send') || stage === 'f2a_recv' ? expert_ranks : attention_ranks;
  const perKey = stage.includes('_') ? peers : 1;
  const keys = new Set(events.map((e) => [e.step, e.layer, e.microbatch, e.peer].join(' ')));
  const perStep = (stage === 'sample' ? 1 : layers) * microbatches * perKey;
  const sent = new Set(events.map((e) => e.step)).size;
  expect(sent).toBeLessThanOrEqual(steps);
  expect(keys.size, stage).toBe(sent * perStep);
  expect(events.length, stage).toBe(sent * perStep);
}

/** The whole report of a run of which every step was sent. */
export function expectReportAgrees(run: PipelineRun, report: Report): void {
  const { steps, layers, microbatches, attention_ranks, expert_ranks, tokens } = run.settings;
  expect(report.exactness).toBe('raw');
  expect(report.topology).toEqual({
    attention: attention_ranks,
    ffn: expert_ranks,
    microbatches,
    layers,
  });
  expect(report.steps.count).toBe(steps);
  expect(report.steps.tokens).toBe(steps * attention_ranks * microbatches * tokens);
  expect(report.quality).toMatchObject({
    duplicates: 0,
    rejected: {},
    unmatchedReceives: 0,
    completeKeys: steps * layers * microbatches,
    incompleteKeys: 0,
  });
  expect(report.clock.conflicts).toBe(0);
  expectStages(run, report);
  for (const worker of run.workers) expectActivity(run, worker, report);
  expectSteps(run, report);
}

function expectStages(run: PipelineRun, report: Report): void {
  let events = 0;
  for (const { group, stage, count, totalNs } of report.stages) {
    const workers = run.workers.filter((worker) => worker.role === group);
    const measured = workers.flatMap((worker) => worker.stages[stage] ?? []);
    expect(count, `${group} ${stage}`).toBe(sum(measured.map((m) => m.count)));
    expectWithin(`${group} ${stage}`, totalNs, boundsOf(measured));
    events += count;
  }
  const all = run.workers.flatMap((worker) => Object.values(worker.stages));
  expect(events).toBe(sum(all.map((stage) => stage.count)));
  expect(report.quality.events).toBe(events);
}

/** A worker's compute, sends, waits and bubble. It does one thing at a time, so lengths add up. */
function expectActivity(run: PipelineRun, worker: WorkerMeasured, report: Report): void {
  const id = idOf(worker);
  const found = report.workers.find((candidate) => candidate.id === id);
  if (found === undefined) throw new Error(`${id} is not in the report`);
  expectWithin(`${id} compute`, found.computeNs, boundsOf(stagesOf(worker, COMPUTE)));
  const { receives } = worker;
  const communication = found.transferNs + found.waitNs;
  expectWithin(
    `${id} transfer and wait`,
    communication,
    boundsOf([...stagesOf(worker, SENDS), receives]),
  );
  expectWithin(`${id} wait`, found.waitNs, {
    low: receives.waitLowNs - receives.count * BETWEEN_PROCESSES_NS,
    high: receives.waitHighNs + receives.count * BETWEEN_PROCESSES_NS,
  });
  // Blocked in recv: part of the receives, so the report cannot know less of it.
  const sends = boundsOf(stagesOf(worker, SENDS));
  expect(communication - sends.low).toBeGreaterThanOrEqual(worker.blockedReceivingNs);
  expect(found.bubbleNs).toBe(report.window.durationNs - found.computeNs);
  const { exposedTransferNs, waitPeerNs, copyNs, hostNs, unattributedNs } = found.bubble;
  expect(exposedTransferNs + waitPeerNs).toBe(communication);
  expect({ copyNs, hostNs }).toEqual({ copyNs: 0, hostNs: 0 });
  expect(exposedTransferNs + waitPeerNs + unattributedNs).toBe(found.bubbleNs);
  expect(sum(Object.values(found.causes))).toBeLessThanOrEqual(found.bubbleNs);
  expect(worker.stepStamps).toHaveLength(run.settings.steps);
}

function expectSteps(run: PipelineRun, report: Report): void {
  const { steps } = run.settings;
  const stamps = run.workers.map((worker) => worker.stepStamps);
  const latency = { low: 0, high: 0 };
  for (let step = 0; step < steps; step++) {
    const of = (edge: 0 | 1 | 2 | 3) => stamps.map((worker) => worker[step]![edge]);
    latency.low += Math.max(...of(2)) - Math.min(...of(1));
    latency.high += Math.max(...of(3)) - Math.min(...of(0));
  }
  expectWithin('latency of steps', (report.steps.latencyNs?.mean ?? 0) * steps, {
    low: latency.low - steps * BETWEEN_PROCESSES_NS,
    high: latency.high + steps * BETWEEN_PROCESSES_NS,
  });
  // From the first step's start to the last one's start, summed over workers.
  const cadences = (steps - 1) * stamps.length;
  expectWithin('cadence of steps', (report.steps.cadenceNs?.mean ?? 0) * cadences, {
    low: sum(stamps.map((worker) => worker[steps - 1]![0] - worker[0]![1])) - 1,
    high: sum(stamps.map((worker) => worker[steps - 1]![1] - worker[0]![0])) + 1,
  });
}
