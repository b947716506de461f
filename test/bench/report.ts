/**
 * How fast raw events become a report: `npx node test/bench/report.ts [steps] [attention] [ffn]`.
 * Prints events/s and ns/event of assembly, of the report, and of what the live pages show beside
 * it: the median of several rounds and the quickest one, in processor time of the whole process
 * (garbage collector included).
 */
import { breakdownOf } from '#lib/analysis/breakdown.ts';
import { reportOf } from '#lib/analysis/build-report.ts';
import { causeLengths } from '#lib/analysis/cause-lengths.ts';
import { pathSamples, reportCriticalPath } from '#lib/analysis/critical-path-report.ts';
import { keyTimes } from '#lib/analysis/key-times.ts';
import { layerMatrix } from '#lib/analysis/layer-matrix.ts';
import { fitLoadModel } from '#lib/analysis/load-model.ts';
import { newestStep } from '#lib/analysis/newest-step.ts';
import type { BubbleCauses } from '#lib/analysis/report-types.ts';
import { rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { addNanos, NS_PER_S } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';

const ROUNDS = 7;
const steps = Number(process.argv[2] ?? 100);
const attention = Number(process.argv[3] ?? 8);
const ffn = Number(process.argv[4] ?? 4);

const spec = scenarioSpec('healthy', { attentionWorkers: attention, ffnWorkers: ffn });
const table = simulateSteps(spec, { steps });
const deployment = table.workers[0]!.deployment;

/** Processor time: other load on the machine must not count. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const spentMs = new Map<string, number[]>();

function timed<T>(what: string, run: () => T): T {
  const started = processorMs();
  const result = run();
  const ms = processorMs() - started;
  spentMs.set(what, [...(spentMs.get(what) ?? []), ms]);
  return result;
}

for (let round = 0; round < ROUNDS; round++) {
  const assembled = timed('assemble', () => assemble([table], deployment));
  const report = timed('report', () => reportOf(assembled, undefined));
  if (report.quality.events !== table.length) throw new Error('the report lost events');
  const base = assembled.events.baseUnixNs;
  const from = addNanos(base, assembled.firstStartNs);
  const to = addNanos(base, assembled.lastEndNs);
  const window = { fromNs: assembled.firstStartNs, toNs: assembled.lastEndNs };
  const path = timed('  its path', () => reportCriticalPath([pathSamples(assembled, window)]));
  if (path?.durationNs !== report.criticalPath?.durationNs) throw new Error('another path');
  const times = keyTimes(assembled);
  const model = fitLoadModel(assembled, times);
  const edgesNs = [window.fromNs, window.toNs];
  const { causeNs } = timed('  its causes', () => causeLengths(assembled, times, [model], edgesNs));
  const waitedNs = report.workers.reduce((sum, one) => sum + totalOf(one.causes), 0);
  if (causeNs.reduce((sum, ns) => sum + ns, 0) !== waitedNs) throw new Error('other causes');
  timed('layerMatrix', () => layerMatrix(assembled));
  timed('breakdown', () => breakdownOf(assembled));
  const rollups = timed('rollupBuckets', () => rollupBuckets(assembled, from, to, NS_PER_S));
  const counted = rollups.workers.reduce((sum, row) => sum + row.events, 0);
  const atTheEnd = assembled.events.startNs.filter((ns) => ns === assembled.lastEndNs).length;
  if (counted + atTheEnd !== table.length) throw new Error('the rollups lost events');
  timed('newestStep', () => newestStep(assembled));
}

function totalOf(causes: BubbleCauses): number {
  return Object.values(causes).reduce((sum, ns) => sum + ns, 0);
}

function print(what: string, ms: number, quickestMs: number): void {
  const perEvent = (one: number): string => ((one * 1e6) / table.length).toFixed(0).padStart(6);
  const rate = table.length / (ms / 1e3) / 1e6;
  console.log(
    `${what.padEnd(14)}${ms.toFixed(0).padStart(6)} ms ${perEvent(ms)} ns/event` +
      ` (quickest ${perEvent(quickestMs)}) ${rate.toFixed(1).padStart(6)} M events/s`,
  );
}

console.log(`${table.length} events, ${steps} steps, ${attention}A${ffn}F, median of ${ROUNDS}`);
const together = [0, 0];
for (const [what, ms] of spentMs) {
  ms.sort((a, b) => a - b);
  const median = ms[Math.floor(ms.length / 2)]!;
  print(what, median, ms[0]!);
  if (what === 'assemble' || what === 'report') {
    together[0]! += median;
    together[1]! += ms[0]!;
  }
}
print('first two', together[0]!, together[1]!);
