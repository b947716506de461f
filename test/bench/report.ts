/**
 * How fast raw events become a report: `npx node test/bench/report.ts [steps] [attention] [ffn]`.
 * Prints events/s and ns/event of assembly and report, each the median of several rounds,
 * in processor time of the whole process (garbage collector included).
 */
import { reportOf } from '#lib/analysis/build-report.ts';
import { assemble } from '#lib/model/assemble.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';

const ROUNDS = 5;
const steps = Number(process.argv[2] ?? 100);
const attention = Number(process.argv[3] ?? 8);
const ffn = Number(process.argv[4] ?? 4);

const spec = scenarioSpec('healthy', { attentionWorkers: attention, ffnWorkers: ffn });
const table = simulateSteps(spec, { steps });
const deployment = table.workers[0]!.deployment;

function median(values: number[]): number {
  values.sort((a, b) => a - b);
  return values[Math.floor(values.length / 2)]!;
}

/** Processor time: other load on the machine must not count. */
function processorMs(): number {
  const { user, system } = process.cpuUsage();
  return (user + system) / 1000;
}

const assembleMs: number[] = [];
const reportMs: number[] = [];
for (let round = 0; round < ROUNDS; round++) {
  const started = processorMs();
  const assembled = assemble([table], deployment);
  const between = processorMs();
  const report = reportOf(assembled, undefined);
  const ended = processorMs();
  if (report.quality.events !== table.length) throw new Error('the report lost events');
  assembleMs.push(between - started);
  reportMs.push(ended - between);
}

const print = (what: string, ms: number): void => {
  const perEventNs = (ms * 1e6) / table.length;
  const rate = table.length / (ms / 1e3) / 1e6;
  console.log(
    `${what.padEnd(12)} ${ms.toFixed(0).padStart(6)} ms  ${perEventNs.toFixed(0).padStart(5)} ns/event  ${rate.toFixed(1)} M events/s`,
  );
};
console.log(`${table.length} events, ${steps} steps, ${attention}A${ffn}F, median of ${ROUNDS}`);
print('assemble', median(assembleMs));
print('report', median(reportMs));
print('together', median(assembleMs) + median(reportMs));
