/**
 * The collector under a steady load for a long time: does anything grow, does anything get lost?
 *
 *     npm run soak [-- --minutes 10 --rate 4.7e6 --json]
 *
 * Packed steps at a rate (4.7 M events/s are 320 GPUs at full fidelity), and a dashboard that asks
 * four times a second. Prints a line every 10 s and a verdict: everything acknowledged is stored and
 * summed, once; memory, write-ahead log and journal do not grow; the sender keeps its pace.
 */
import { parseArgs } from 'node:util';
import { type BenchSection, printBench } from '#test/support/bench/bench-report.ts';
import { percentile } from '#test/support/bench/ingest-messages.ts';
import { type RunResult, runIngest, type Sample } from '#test/support/bench/ingest-run.ts';

const MIB = 2 ** 20;
const SAMPLE_MS = 10_000;
const MAX_QUERY_P95_MS = 100;
const MAX_RSS_MIB = 1024;
/** Memory may end up this much over what it was after the first third. */
const MAX_GROWTH_MIB = 128;
const MAX_BEHIND_S = 5;

const { values } = parseArgs({
  options: {
    minutes: { type: 'string', default: '10' },
    rate: { type: 'string', default: '4.7e6' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.minutes) * 60;
const rate = Number(values.rate);

let last: Sample | undefined;
if (!values.json)
  console.log(line('time', 'CPU', 'RSS', 'queue', 'WAL', 'journal', 'backlog', 'state'));
const result = await runIngest({
  seconds,
  rate,
  transport: 'http',
  encoding: 'identity',
  events: 'packed',
  inFlight: 64,
  queryEveryMs: 250,
  queryAfterS: Math.min(25, seconds / 2),
  sampleMs: SAMPLE_MS,
  onSample: (sample) => {
    if (!values.json) console.log(sampleLine(sample));
    last = sample;
  },
});
printBench('soak', [verdict(result)], values.json);

function line(...columns: readonly string[]): string {
  return columns.map((text) => text.padStart(10)).join('');
}

function mib(bytes: number): string {
  return `${(bytes / MIB).toFixed(0)} MiB`;
}

function sampleLine(sample: Sample): string {
  const spanS = sample.atS - (last?.atS ?? 0);
  const cpu = (sample.cpuUs - (last?.cpuUs ?? 0)) / 1e6 / spanS;
  return line(
    `${sample.atS.toFixed(0)} s`,
    `${(cpu * 100).toFixed(0)} %`,
    mib(sample.rssBytes),
    String(sample.pendingRequests),
    mib(sample.walBytes),
    mib(sample.journalBytes),
    mib(sample.backlogBytes),
    sample.state,
  );
}

function verdict({
  sent,
  samples,
  stored,
  summed,
  queries,
  walPeakBytes,
}: RunResult): BenchSection {
  const lost = sent.events - stored;
  const third = samples.slice(Math.floor(samples.length / 3));
  const earlyRss = Math.max(...third.slice(0, Math.ceil(third.length / 2)).map((s) => s.rssBytes));
  const lateRss = Math.max(...third.slice(Math.floor(third.length / 2)).map((s) => s.rssBytes));
  const peakRss = Math.max(...samples.map(({ rssBytes }) => rssBytes));
  const p95 = Object.entries(queries?.ms ?? {}).map(
    ([kind, ms]) => [kind, percentile(ms, 0.95), ms.length] as const,
  );
  const checks: readonly (readonly [boolean, string])[] = [
    [lost === 0, `lost ${lost} of ${sent.events} acknowledged events`],
    [summed === stored, `the sums by stage have ${summed} events of ${stored}`],
    [sent.behindS <= MAX_BEHIND_S, `the sender is ${sent.behindS.toFixed(0)} s behind its pace`],
    [peakRss <= MAX_RSS_MIB * MIB, `memory reached ${mib(peakRss)}`],
    [
      lateRss - earlyRss <= MAX_GROWTH_MIB * MIB,
      `memory grew from ${mib(earlyRss)} to ${mib(lateRss)}`,
    ],
    ...(queries?.failures ?? []).map((failure) => [false, failure] as const),
    ...p95.map(
      ([kind, ms]) => [ms <= MAX_QUERY_P95_MS, `${kind} takes ${ms.toFixed(0)} ms at p95`] as const,
    ),
  ];
  return {
    title: `soak, ${Number(values.minutes)} min`,
    rows: [
      { name: 'rate asked for', value: rate, unit: 'events/s' },
      { name: 'rate', value: Math.round(sent.events / sent.elapsedS), unit: 'events/s' },
      { name: 'workers', value: sent.workers },
      { name: 'events acknowledged', value: sent.events },
      { name: 'events lost', value: lost },
      { name: 'requests refused, sent again', value: sent.refused },
      { name: 'memory, peak', value: peakRss / MIB, unit: 'MiB' },
      { name: 'write-ahead log, peak', value: walPeakBytes / MIB, unit: 'MiB' },
      {
        name: 'requests waiting, peak',
        value: Math.max(...samples.map(({ pendingRequests }) => pendingRequests)),
      },
      ...p95.map(([kind, ms, count]) => ({
        name: `${kind} query, p95 of ${count}`,
        value: ms,
        unit: 'ms',
      })),
      { name: 'verdict', value: checks.every(([passed]) => passed) ? 'passed' : 'failed' },
    ],
    failures: checks.flatMap(([passed, text]) => (passed ? [] : [text])),
  };
}
