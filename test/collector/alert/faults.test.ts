/** Every fault that can be simulated raises its alert, in time, and only it and what it explains. */
import { describe, expect, it } from 'vitest';
import { replayAlerts } from '#collector/alert/alert-replay.ts';
import { checkExpectations } from '#collector/alert/alert-tests.ts';
import {
  type ScenarioInput,
  scenarioFeed,
  scenarioInputSchema,
} from '#collector/alert/replay-input.ts';
import { builtinRules } from '#lib/alert/builtin-rules.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { ALERT_METRIC_NAMES } from '#lib/api/alert-metrics.ts';
import { unixMsFromNanos } from '#lib/base/units.ts';
import { limitMs } from '#test/support/tier.ts';

/** Fewer workers and layers than the demo, so that two minutes take seconds; a step takes 27 ms. */
const SHAPE = { attention: 4, ffn: 4, layers: 32, events_per_second: 3000, fault_from: '20s' };
const RULES = builtinRules({ tpotTargetNs: 27e6 });
const LIMIT_MS = limitMs(300_000);

async function play(input: Partial<ScenarioInput>, observe?: (set: SampleSet) => void) {
  const parsed = scenarioInputSchema.parse({ scenario: 'healthy', ...SHAPE, ...input });
  const feed = scenarioFeed(parsed);
  if (!feed.ok) throw new Error(feed.error);
  const result = await replayAlerts(RULES, feed.value, observe);
  const faultUnixMs = unixMsFromNanos(feed.value.fromUnixNs) + 20_000;
  return { ...result, faultUnixMs };
}

interface Case {
  readonly fault: NonNullable<ScenarioInput['fault']>;
  readonly rule: string;
  readonly labels?: Record<string, string>;
  readonly within: string;
  /** Of the run; the fault begins after 20 s. */
  readonly lasts?: string;
}

describe('a fault raises its alert, and only it and its consequences', () => {
  it.each<Case>([
    {
      fault: { slowRank: { role: 'attention', rank: 2, factor: 1.3 } },
      rule: 'straggler',
      labels: { worker: 'attention/2' },
      within: '45s',
    },
    {
      fault: { slowRank: { role: 'ffn', rank: 1, factor: 1.3 } },
      rule: 'straggler',
      labels: { worker: 'ffn/1' },
      within: '45s',
    },
    {
      fault: { hungRank: { role: 'ffn', rank: 3 } },
      rule: 'hung-worker',
      labels: { worker: 'ffn/3' },
      within: '10s',
      lasts: '50s',
    },
    {
      fault: { hungRank: { role: 'attention', rank: 0 } },
      rule: 'hung-worker',
      labels: { worker: 'attention/0' },
      within: '10s',
      lasts: '50s',
    },
    { fault: { hotExpert: { rank: 1, factor: 2 } }, rule: 'expert-hot-spot', within: '60s' },
    { fault: { longContext: { rank: 1, factor: 2 } }, rule: 'load-skew', within: '60s' },
    {
      fault: { commTail: { probability: 0.02, factor: 7 } },
      rule: 'exposed-communication',
      within: '60s',
    },
    { fault: { hostGapMs: 5 }, rule: 'host-gap', within: '60s' },
    {
      fault: { clockOffset: { target: 'ffn/2', offsetNs: -1_000_000 } },
      rule: 'clock-conflict',
      within: '2m',
      lasts: '140s',
    },
    { fault: { lostSpans: 0.05 }, rule: 'spans-missing', within: '2m', lasts: '140s' },
  ])(
    '$fault: $rule within $within',
    async ({ fault, rule, labels = {}, within, lasts }) => {
      const { changes, faultUnixMs } = await play({ fault, duration: lasts ?? '110s' });
      const test = {
        name: rule,
        input: { files: [] },
        expect: [{ rule, labels, within }],
        others: 'none' as const,
      };
      expect(checkExpectations(test, changes, faultUnixMs)).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'and ends once it is over, as do its consequences',
    async () => {
      const fault = { slowRank: { role: 'attention' as const, rank: 2, factor: 1.5 } };
      const { changes, book } = await play({ fault, fault_for: '90s', duration: '240s' });
      expect(changes.some(({ change }) => change === 'inhibited')).toBe(true);
      expect(changes.filter(({ change }) => change === 'released')).toEqual([]);
      const states = [...book.values()].map(({ rule, state }) => `${rule} ${state}`);
      expect(states).toContain('straggler resolved');
      expect(states.filter((one) => !one.endsWith('resolved'))).toEqual([]);
    },
    LIMIT_MS,
  );
});

describe('without a fault', () => {
  it.each([
    ['healthy', []],
    ['ffn-bound', ['attention-ffn-imbalance']],
    ['latency-bound', ['exposed-communication']],
  ] as const)(
    '%s: %j',
    async (scenario, roots) => {
      const { changes, book, looks } = await play({ scenario, duration: '110s' });
      expect(looks).toBeGreaterThan(40);
      const alone = [...book.values()].filter(
        ({ state, inhibitedBy }) => state === 'firing' && inhibitedBy === null,
      );
      expect(alone.map(({ rule }) => rule)).toEqual(roots);
      if (roots.length === 0) expect(changes).toEqual([]);
    },
    LIMIT_MS,
  );

  it(
    'every metric that such a cluster has is sampled, in its base unit, at the time of its events',
    async () => {
      const sets: SampleSet[] = [];
      await play({ duration: '20s' }, (set) => sets.push(set));
      const last = sets.at(-1)!;
      const sampled = new Set(last.samples.map(({ metric }) => metric));
      const absent = [
        'straggler_score',
        'straggler_excess_ratio',
        'hang_seconds',
        'silent_seconds',
        'condition',
        'ingest_dropped_ratio',
        'ingest_late_ratio',
      ];
      const expected = ALERT_METRIC_NAMES.filter((name) => !absent.includes(name));
      expect(expected.filter((name) => !sampled.has(name))).toEqual([]);
      const value = (metric: string) => last.samples.find((one) => one.metric === metric)!;
      expect(value('step_latency_seconds').value).toBeGreaterThan(0.02);
      expect(value('step_latency_seconds').value).toBeLessThan(0.04);
      expect(value('period_over_ideal').value).toBeGreaterThan(0.9);
      const lagMs = last.atUnixMs - value('bubble_ratio').atUnixMs;
      expect(lagMs).toBeGreaterThan(0);
      expect(lagMs).toBeLessThan(10_000);
    },
    LIMIT_MS,
  );
});
