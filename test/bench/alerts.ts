/**
 * What alerting costs the collector's main thread: `npx node test/bench/alerts.ts [deployments] [seconds]`.
 * All built-in rules over deployments of 240A80F (320 workers, 61 layers), each with new figures every second;
 * nothing is really written. Prints processor time of a look, the longest stretch without a break, and the
 * size of a minute's row.
 */
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { AlertService } from '#collector/alert/alert-service.ts';
import { buildReport } from '#lib/analysis/build-report.ts';
import { type Overview, overviewSchema } from '#lib/api/live-event.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { ruleCheck, standingRules } from '#lib/query/alert-rules.ts';

const deployments = Number(process.argv[2] ?? 64);
const seconds = Number(process.argv[3] ?? 300);

const spec = scenarioSpec('healthy', { attentionWorkers: 240, ffnWorkers: 80 });
const events = simulateSteps(spec, { steps: 2 });
const report = reportSchema.parse(
  buildReport({ events: [events], deployment: events.workers[0]!.deployment, rejected: {} }),
);
const stragglers = report.workers.slice(0, 20).map(({ id }) => ({
  worker: id,
  stage: 'attention',
  score: 3,
  excessRatio: 0.05,
  loadRatio: 0.02,
  residualRatio: 0.03,
  sinceUnixNs: '1',
}));

let now = 1_793_000_000_000;
function overviewOf(deployment: string): Overview {
  return overviewSchema.parse({
    kind: 'overview',
    deployment,
    state: 'live',
    atUnixMs: now,
    report: {
      ...report,
      deployment,
      window: {
        startUnixNs: String(unixNanosFromMs(now - 5000)),
        endUnixNs: String(unixNanosFromMs(now)),
        durationNs: 5e9,
      },
    },
    gpu: [],
    tpotMs: { mean: 42, p50: 40, p99: 60 },
    ingest: {
      eventsPerSecond: 1e5,
      acceptedEvents: 10_000,
      acceptedMetricPoints: 0,
      logRecords: 0,
      rejected: {},
      lagMs: 900,
    },
    stragglers,
    hangs: [],
  });
}

const rowBytes: number[] = [];
const overviews = new Map<string, Overview>();
for (let i = 0; i < deployments; i++) overviews.set(`d${i}`, overviewOf(`d${i}`));
const service = new AlertService({
  ...standingRules({ rulesFile: null, tpotTargetNs: 50e6 }),
  check: ruleCheck,
  ruleProblems: [],
  store: {
    change: async ({ log = [] }) => {
      for (const { topic, detail } of log) if (topic === 'sample') rowBytes.push(detail.length);
    },
    pin: async () => undefined,
    unpin: async () => undefined,
  },
  overviews: () => overviews,
  conditions: () => [],
  notifier: { plan: () => [], committed: () => undefined },
  recorder: {
    fired: () => ({ incidentId: 'x', documents: [], pins: [] }),
    follow: () => [],
  },
  nowUnixMs: () => now,
  onWarning: (message) => console.error(message),
});

const cpuMs: number[] = [];
// Longest time between two turns of the thread, in its own processor time: elapsed time is what senders wait,
// but on a busy machine it is other programs' time, too.
let longestCpuMs = 0;
let turn = process.threadCpuUsage();
let isMeasuring = false;
const takeTurn = (): void => {
  const { user, system } = process.threadCpuUsage(turn);
  if (isMeasuring) longestCpuMs = Math.max(longestCpuMs, (user + system) / 1000);
  turn = process.threadCpuUsage();
  if (isMeasuring) setImmediate(takeTurn);
};
const delay = monitorEventLoopDelay({ resolution: 1 });
for (let second = 0; second < seconds; second++) {
  now += 1000;
  const window = {
    startUnixNs: String(unixNanosFromMs(now - 5000)),
    endUnixNs: String(unixNanosFromMs(now)),
    durationNs: 5e9,
  };
  for (const [name, overview] of overviews) {
    const current = overview.report === null ? null : { ...overview.report, window };
    overviews.set(name, { ...overview, atUnixMs: now, report: current });
  }
  isMeasuring = true;
  turn = process.threadCpuUsage();
  setImmediate(takeTurn);
  delay.enable();
  const before = process.cpuUsage();
  await service.look();
  const { user, system } = process.cpuUsage(before);
  cpuMs.push((user + system) / 1000);
  await service.idle();
  delay.disable();
  isMeasuring = false;
  await new Promise((resolve) => setTimeout(resolve, 2));
}
cpuMs.sort((a, b) => a - b);
rowBytes.sort((a, b) => a - b);
const at = (list: readonly number[], part: number): number =>
  list[Math.min(list.length - 1, Math.floor(list.length * part))] ?? 0;
const { heapUsed } = process.memoryUsage();
console.log(`${deployments} deployments of ${report.workers.length} workers, ${seconds} looks`);
console.log(
  `a look: ${at(cpuMs, 0.5).toFixed(1)} / ${at(cpuMs, 0.95).toFixed(1)} / ${at(cpuMs, 1).toFixed(1)} ms (p50 / p95 / max, processor)`,
);
console.log(`longest piece of a look: ${service.counts.longestSliceMs.toFixed(1)} ms (elapsed)`);
console.log(
  `thread kept without a break, look and write: ${longestCpuMs.toFixed(1)} ms (processor), ${(delay.max / 1e6).toFixed(1)} ms (elapsed)`,
);
console.log(
  `a minute's row: ${at(rowBytes, 0.5)} bytes; alerts: ${service.alerts().alerts.length}`,
);
console.log(`heap: ${(heapUsed / 2 ** 20).toFixed(0)} MiB`);
