import { describe, expect, it } from 'vitest';
import type { Sample } from '#lib/alert/sample.ts';
import type { Overview } from '#lib/api/live-event.ts';
import { alertSamples, conditionSamples } from '#lib/query/alert-samples.ts';

type Ingest = Overview['ingest'];

function overview(ingest: Partial<Ingest>, more: Partial<Overview> = {}): Overview {
  return {
    kind: 'overview',
    deployment: 'd',
    state: 'live',
    atUnixMs: 5000,
    report: null,
    gpu: [],
    tpotMs: null,
    ingest: {
      eventsPerSecond: 0,
      acceptedEvents: 0,
      acceptedMetricPoints: 0,
      logRecords: 0,
      rejected: {},
      lagMs: null,
      ...ingest,
    },
    ...more,
  };
}

const named = (samples: readonly Sample[], metric: string) =>
  samples.filter((sample) => sample.metric === metric);

describe('counters become rates between two looks', () => {
  const before = overview({
    acceptedEvents: 1000,
    rejected: { no_role: 5, duplicate: 7, late: 1 },
  });

  it('what was refused, of what came, with the most frequent reason', () => {
    const now = overview({
      acceptedEvents: 1090,
      rejected: { no_role: 7, bad_time: 13, duplicate: 900, late: 10 },
    });
    const samples = alertSamples(now, before, new Map());
    expect(named(samples, 'ingest_dropped_ratio')).toEqual([
      {
        metric: 'ingest_dropped_ratio',
        labels: { deployment: 'd' },
        atUnixMs: 5000,
        value: 15 / 105,
        weight: 105,
        facts: { reason: 'bad_time' },
      },
    ]);
    expect(named(samples, 'ingest_late_ratio')[0]).toMatchObject({ value: 9 / 105, weight: 105 });
  });

  it('nothing is said without a look before, without events, or over a new database', () => {
    expect(alertSamples(before, null, new Map())).toEqual([]);
    expect(alertSamples(before, before, new Map())).toEqual([]);
    expect(alertSamples(overview({ acceptedEvents: 3 }), before, new Map())).toEqual([]);
  });

  it('lag is told while events come only', () => {
    const live = alertSamples(overview({ lagMs: 2500 }), null, new Map());
    expect(named(live, 'ingest_lag_seconds')[0]!.value).toBe(2.5);
    const quiet = overview({ lagMs: 2500 }, { state: 'quiet' });
    expect(alertSamples(quiet, null, new Map())).toEqual([]);
  });
});

describe('what stands still', () => {
  const hang = (worker: string, more: object = {}): NonNullable<Overview['hangs']>[number] => ({
    kind: 'hang',
    domain: 0,
    step: 17,
    sinceUnixNs: '1',
    untilUnixNs: null,
    durationNs: 4e9,
    usualNs: null,
    worker,
    reason: 'no-progress',
    waiting: 7,
    workers: [],
    ...more,
  });

  it('is a sample of its worker, with what to say about it', () => {
    const samples = alertSamples(overview({}, { hangs: [hang('ffn/1')] }), null, new Map());
    expect(samples).toHaveLength(1);
    expect(samples[0]).toMatchObject({
      metric: 'hang_seconds',
      labels: { deployment: 'd', worker: 'ffn/1' },
      value: 4,
      facts: { step: '17', waiting: '7', what: 'does not go on' },
    });
  });

  it('is over when it is over, and told once a worker', () => {
    const hangs = [
      hang('ffn/1', { untilUnixNs: '9' }),
      hang('ffn/2'),
      hang('ffn/2', { domain: 1, durationNs: 6e9 }),
      hang('ffn/3', { kind: 'silent', reason: 'silent' }),
    ];
    const samples = alertSamples(overview({}, { hangs }), null, new Map());
    expect(samples.map(({ metric, labels, value }) => [metric, labels.worker, value])).toEqual([
      ['hang_seconds', 'ffn/2', 6],
      ['silent_seconds', 'ffn/3', 4],
    ]);
  });
});

it('conditions are of the collector, not of a deployment', () => {
  const condition = {
    name: 'disk-full',
    severity: 'critical' as const,
    notReady: true,
    sinceUnixMs: 1,
    detail: 'no space left on /data',
    remedy: 'Free space.',
  };
  expect(conditionSamples([condition], 7000)).toEqual([
    {
      metric: 'condition',
      labels: { deployment: '', condition: 'disk-full' },
      atUnixMs: 7000,
      value: 1,
      weight: 1,
      facts: { detail: 'no space left on /data.', remedy: 'Free space.' },
    },
  ]);
});
