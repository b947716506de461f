/**
 * What rules with a long `window` and a long `for` cost a look: `npx node test/bench/alert-windows.ts [hours]`.
 * A sample a second of 61 layers and of 320 workers, true for all the time, as the trouble is that such rules
 * are written for. Prints processor time of one judgement of the whole rule.
 */
import { compileRule } from '#lib/alert/compiled-rule.ts';
import { judgeRule } from '#lib/alert/judge.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { needsOf, SampleHistory } from '#lib/alert/sample-history.ts';
import { type AlertRuleInput, alertRuleSchema } from '#lib/api/alert-rules.ts';

const hours = Number(process.argv[2] ?? 2);
const START_MS = 1_793_000_000_000;
const seconds = hours * 2 * 3600 + 30;

interface Watched {
  readonly metric: string;
  readonly labels: Readonly<Record<string, string>>;
}

const layers: readonly Watched[] = Array.from({ length: 61 }, (_, layer) => ({
  metric: 'layer_period_seconds',
  labels: { deployment: 'd', layer: String(layer) },
}));
const workers: readonly Watched[] = Array.from({ length: 320 }, (_, rank) => ({
  metric: 'hang_seconds',
  labels: { deployment: 'd', worker: `ffn/${rank}` },
}));

const span = { window: `${hours}h`, for: `${hours}h` };
const rules: readonly (AlertRuleInput & { name: string })[] = [
  { name: 'layers-mean', metric: 'layer_period_seconds', threshold: 0.1, ...span },
  { name: 'layers-max', metric: 'layer_period_seconds', threshold: 0.1, aggregate: 'max', ...span },
  { name: 'layers-together', metric: 'layer_period_seconds', threshold: 0.1, by: [], ...span },
  { name: 'workers', metric: 'hang_seconds', threshold: 0.1, ...span },
];

function setAt(second: number, of: readonly Watched[]): SampleSet {
  const atUnixMs = START_MS + second * 1000;
  const value = 1 + Math.sin(second) / 2;
  return {
    deployment: 'd',
    atUnixMs,
    samples: of.map(({ metric, labels }) => ({ metric, labels, atUnixMs, value, weight: 1 })),
  };
}

for (const input of rules) {
  const rule = alertRuleSchema.parse(input);
  const history = new SampleHistory(needsOf([rule]));
  const of = rule.metric === 'hang_seconds' ? workers : layers;
  for (let second = 0; second < seconds; second++) history.add(setAt(second, of));
  const nowUnixMs = START_MS + seconds * 1000;
  const options = { history, nowUnixMs, watchingSinceUnixMs: START_MS, firingSince: () => null };
  const compiled = compileRule(rule);
  const tookMs: number[] = [];
  for (let round = 0; round < 3; round++) {
    const before = process.cpuUsage();
    const judged = [...judgeRule(compiled, options)];
    const { user, system } = process.cpuUsage(before);
    tookMs.push((user + system) / 1000);
    if (judged.length === 0 || judged.some(({ trueSinceUnixMs }) => trueSinceUnixMs === null)) {
      throw new Error(`${rule.name}: nothing is true, so nothing was measured`);
    }
  }
  tookMs.sort((a, b) => a - b);
  console.log(
    `${rule.name}: ${tookMs[1]!.toFixed(1)} ms a look (${of.length} series, ${hours} h + ${hours} h)`,
  );
}
