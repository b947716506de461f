import { describe, expect, test } from 'vitest';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { median, slowestWorker, verdictOf } from '#lib/view/verdict.ts';
import { verdictSentence } from '#lib/view/verdict-text.ts';
import { SAMPLE_BALANCE, sampleGroup, sampleReport, sampleWorker } from './sample-report.ts';

function words(report: ReportJson | null): string {
  return verdictSentence(verdictOf(report))
    .pieces.map((piece) => piece.text)
    .join('');
}

describe('the sentence', () => {
  test('names the bound, who idles, the period and the remedy', () => {
    expect(words(sampleReport())).toBe(
      'FFN-bound. Attention GPUs idle for 40 % of their active time. A layer takes 741 µs, ideally 738 µs. → More FFN GPUs per attention GPU would shorten the layer.',
    );
  });

  test('names a slow worker, and what an even group would give', () => {
    const workers = sampleReport().workers.map((worker) =>
      worker.id === 'ffn/1' ? sampleWorker('ffn', 1, 0.7) : worker,
    );
    const even = sampleWorker('ffn', 2, 0.7);
    const report = sampleReport({
      workers: [...workers, even],
      balance: { ...SAMPLE_BALANCE, imbalanceCostNs: 73_800 },
    });
    expect(words(report)).toContain(
      ' ffn/0 computes 36 % longer than its group; everyone waits for it. → An even group would shorten the layer by 10 %.',
    );
  });

  test('a slow worker on the side that waits anyway is no remedy', () => {
    const workers = [0.6, 0.6, 0.6, 0.75].map((busy, rank) =>
      sampleWorker('attention', rank, busy),
    );
    const balance = { ...SAMPLE_BALANCE, imbalanceCostNs: 73_800 };
    expect(words(sampleReport({ workers, balance }))).toContain(
      ' attention/3 computes 25 % longer than its group, hidden by the bound so far. → More FFN GPUs',
    );
  });

  test('prefers advice with its spread', () => {
    const advice = {
      kind: 'split',
      change: '64A16F',
      gain: 0.11,
      low: 0.08,
      high: 0.13,
      assumes: 'times scale with the batch',
    };
    const report = sampleReport({ balance: { ...SAMPLE_BALANCE, advice: [advice] } });
    expect(words(report)).toContain('→ 64A16F would give about +11 % ± 3.0 % tokens/s per GPU.');
  });

  test('latency-bound asks for the micro-batches that are missing', () => {
    const report = sampleReport({
      balance: { ...SAMPLE_BALANCE, bound: 'latency-bound', minMicrobatches: 4 },
    });
    expect(words(report)).toContain(
      '→ More micro-batches would hide the round trip: 4 instead of 3 at this size.',
    );
  });

  test('a layer far over its ideal has tails: another split is no remedy', () => {
    const balance = { ...SAMPLE_BALANCE, measuredPeriodNs: 950_000 };
    expect(words(sampleReport({ balance }))).toMatch(
      /→ 29 % over the ideal comes from stalls or jitter, not from the split; look at the layers and the trends\.$/,
    );
    const times = (p50: number, p99: number) => ({
      min: 1,
      p50,
      p90: p50,
      p99,
      max: p99,
      mean: p50,
    });
    const layers = [3, 4, 5].map((layer) => ({
      layer,
      attentionNs: times(150_000, 160_000),
      a2fNs: times(70_000, 75_000),
      ffnNs: times(240_000, 250_000),
      f2aNs: times(130_000, 910_000),
      periodNs: times(738_000, 1_900_000),
      idealPeriodNs: 738_000,
      bound: 'ffn-bound' as const,
    }));
    expect(words(sampleReport({ balance, layers }))).toContain(
      'not the split: the slowest F2A transfers take 7.0 times their median.',
    );
  });

  test('host work that stops the GPUs comes before another split', () => {
    const attention = sampleGroup('attention', 4, 0.6);
    const groups = [
      { ...attention, bubble: { ...attention.bubble, waitPeerNs: 1200, hostNs: 400 } },
      sampleGroup('ffn', 2, 0.95),
    ];
    expect(words(sampleReport({ groups }))).toContain(
      '→ Attention GPUs stand still for host work in 10 % of it: shorten that first.',
    );
  });

  test('a measurement under the ideal is within it', () => {
    const balance = { ...SAMPLE_BALANCE, measuredPeriodNs: 730_000 };
    expect(words(sampleReport({ balance }))).toContain('takes 730 µs, within its ideal 738 µs.');
  });

  test('healthy says so with its margin', () => {
    const report = sampleReport({
      groups: [sampleGroup('attention', 4, 0.97), sampleGroup('ffn', 2, 0.912)],
    });
    expect(words(report)).toMatch(
      /^Healthy\. No group is idle for more than 8\.8 % of its active time; the layer is ffn-bound\./,
    );
  });

  test('a slow worker is never healthy', () => {
    const report = sampleReport({
      groups: [sampleGroup('attention', 4, 0.97), sampleGroup('ffn', 2, 0.95)],
      workers: [0.8, 0.8, 0.95].map((busy, rank) => sampleWorker('attention', rank, busy)),
    });
    expect(verdictOf(report)).toMatchObject({ kind: 'bounded', slow: { workerId: 'attention/2' } });
  });

  test('without steps or without a balance', () => {
    expect(words(null)).toBe('No steps in this window.');
    const none = {
      count: 0,
      latencyNs: null,
      cadenceNs: null,
      tokens: null,
      tokensPerSecond: null,
    };
    expect(words(sampleReport({ steps: none }))).toBe('No steps in this window.');
    expect(words(sampleReport({ balance: null }))).toBe(
      'Bound unknown. Attention GPUs idle for 40 % of their active time. No layer was seen whole on both sides, which the bound needs.',
    );
    expect(words(sampleReport({ balance: null, exactness: 'rollup' }))).toContain(
      '→ Choose a shorter window to see the bound: this one is answered from rollups.',
    );
    const together = { balance: null, workers: [], groups: [sampleGroup('colocated', 4, 0.6)] };
    expect(words(sampleReport(together))).toMatch(/^Not disaggregated\. colocated GPUs idle/);
    expect(
      words(sampleReport({ ...together, groups: [sampleGroup('colocated', 4, 0.9)] })),
    ).toMatch(/^Healthy\. .* active time; not disaggregated\.$/);
  });
});

describe('confidence', () => {
  const confidence = (report: ReportJson) => verdictSentence(verdictOf(report)).confidence?.word;

  test('early while there are few steps', () => {
    expect(confidence(sampleReport({ steps: { ...sampleReport().steps, count: 4 } }))).toBe(
      'early',
    );
  });

  test('close where the sides are within 5 %', () => {
    const balance = { ...SAMPLE_BALANCE, taEffectiveNs: 240_000, tfEffectiveNs: 246_000 };
    expect(confidence(sampleReport({ balance }))).toBe('close');
    expect(confidence(sampleReport())).toBe('clear');
  });
});

describe('the slowest worker', () => {
  test('is compared within its group only', () => {
    expect(slowestWorker(sampleReport().workers)).toBeNull();
  });

  test('jitter under 8 % names nobody', () => {
    const workers = [0.6, 0.61, 0.64].map((busy, rank) => sampleWorker('ffn', rank, busy));
    expect(slowestWorker(workers)).toBeNull();
  });

  test('unobserved time does not make a worker fast', () => {
    const half = { ...sampleWorker('ffn', 0, 0.4), observedNs: 500 };
    const workers = [half, sampleWorker('ffn', 1, 0.6), sampleWorker('ffn', 2, 0.6)];
    expect(slowestWorker(workers)).toMatchObject({ workerId: 'ffn/0' });
  });
});

test('the median of an even count lies between', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
