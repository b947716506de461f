import { describe, expect, test } from 'vitest';
import type { HangJson } from '#lib/api/hangs.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import type { StragglerJson } from '#lib/api/stragglers.ts';
import { median } from '#lib/view/median.ts';
import { type LiveFindings, verdictOf } from '#lib/view/verdict.ts';
import { verdictSentence } from '#lib/view/verdict-text.ts';
import { SAMPLE_BALANCE, sampleGroup, sampleReport } from './sample-report.ts';

function words(report: ReportJson | null, live?: LiveFindings): string {
  return verdictSentence(verdictOf(report, live))
    .pieces.map((piece) => piece.text)
    .join('');
}

function straggler(worker: string, changes: Partial<StragglerJson> = {}): StragglerJson {
  return {
    worker,
    stage: worker.startsWith('ffn') ? 'expert' : 'attention',
    score: 12,
    excessRatio: 0.3,
    loadRatio: 0,
    residualRatio: 0.3,
    sinceUnixNs: '1767225600000000000',
    class: 'compute-slow',
    cause: 'device',
    ...changes,
  };
}

const HANG: HangJson = {
  kind: 'hang',
  domain: 0,
  step: 41,
  sinceUnixNs: '1767225600000000000',
  untilUnixNs: null,
  durationNs: 9_000_000_000,
  usualNs: 50_000_000,
  worker: 'attention/3',
  reason: 'no-progress',
  waiting: 11,
  workers: [
    {
      worker: 'attention/3',
      last: null,
      next: { stage: 'attention', layer: 30, microbatch: 1 },
      waitsFor: [],
    },
  ],
};

const EVEN = [sampleGroup('attention', 4, 0.97), sampleGroup('ffn', 2, 0.912)];
const UNEVEN = { ...SAMPLE_BALANCE, imbalanceCostNs: 73_800 };

describe('the sentence', () => {
  test('names the bound, who waits, the period and the remedy', () => {
    expect(words(sampleReport())).toBe(
      'FFN-bound. Attention GPUs wait 40 % of their active time. A layer takes 741 µs, ideally 738 µs. → More FFN GPUs per attention GPU would shorten the layer.',
    );
  });

  test('says what the waiting is mostly for', () => {
    const attention = sampleGroup('attention', 4, 0.6);
    const causes = { ...attention.causes, peerComputeNs: 1200, fanInNs: 400 };
    const report = sampleReport({ groups: [{ ...attention, causes }, EVEN[1]!] });
    expect(words(report)).toContain('wait 40 % of their active time, mostly for peer compute.');
    const { pieces } = verdictSentence(verdictOf(report));
    expect(pieces.find(({ text }) => text === '40 %')?.title).toBe(
      'Of active time: 30 % peer compute, 10 % fan-in.',
    );
  });

  test('names a slow worker, and what an even group would give', () => {
    const report = sampleReport({ stragglers: [straggler('ffn/1')], balance: UNEVEN });
    expect(words(report)).toBe(
      'FFN-bound. Attention GPUs wait 40 % of their active time; ffn/1 is 30 % slow. → Check its device, or drain it: an even group would shorten the layer by 10 %.',
    );
  });

  test.each([
    ['load', 'attention/3 is 12 % slow, all of it long contexts. → Route requests more evenly'],
    [
      'both',
      'attention/3 is 12 % slow, 9.0 % of it long contexts. → Route requests more evenly, then',
    ],
    ['device', 'attention/3 is 12 % slow. → Check its device'],
  ] as const)('of a worker that is slow by %s, says whose part it is', (cause, expected) => {
    const slow = straggler('attention/3', { excessRatio: 0.12, loadRatio: 0.09, cause });
    const balance = { ...UNEVEN, bound: 'attention-bound' as const };
    expect(words(sampleReport({ stragglers: [slow], balance }))).toContain(expected);
  });

  test('what mending a worker would give is predicted where the change was', () => {
    const fix = {
      kind: 'fix-worker',
      change: 'ffn/1 as fast as its group',
      gain: 0.2,
      low: 0.19,
      high: 0.22,
      assumes: 'it varies as the others do',
      set: ['fix=ffn/1'],
    };
    const balance = { ...UNEVEN, advice: [fix] };
    const report = sampleReport({ stragglers: [straggler('ffn/1')], balance });
    expect(words(report)).toContain(
      '→ Check its device, or drain it: mended, it would give +20 % ± 2.0 % tokens/s per GPU.',
    );
  });

  test.each([
    ['attention/3', 'attention-bound', 'level-contexts', 'Route requests more evenly'],
    ['ffn/1', 'ffn-bound', 'level-experts', 'Spread its experts'],
  ] as const)(
    'of %s, slow by its load, what an even load would give',
    (worker, bound, kind, mend) => {
      const change = 'even over the workers';
      const even = { kind, change, gain: 0.49, low: 0.48, high: 0.54, assumes: 'all tokens stay' };
      const slow = straggler(worker, { loadRatio: 0.3, cause: 'load' });
      const ratio = { ...even, kind: 'ratio', gain: 0.5 };
      const balance = { ...UNEVEN, bound, advice: [ratio, even] };
      expect(words(sampleReport({ stragglers: [slow], balance }))).toContain(
        `→ ${mend}: an even load would give +49 % ± 5.0 % tokens/s per GPU.`,
      );
    },
  );

  test('a slow worker on the side that waits anyway is no remedy', () => {
    const report = sampleReport({ stragglers: [straggler('attention/3')], balance: UNEVEN });
    expect(words(report)).toContain(
      'attention/3 is 30 % slow, hidden by the bound so far. → More FFN GPUs',
    );
  });

  test('the one that everyone waits for comes before a slower one that is hidden', () => {
    const stragglers = [straggler('attention/3', { excessRatio: 0.5 }), straggler('ffn/0')];
    expect(words(sampleReport({ stragglers }))).toContain('ffn/0 is 30 % slow');
  });

  test('slow transfers are told from slow compute', () => {
    const slow = straggler('ffn/1', { class: 'comm-slow', stage: 'f2a_send' });
    const balance = { ...SAMPLE_BALANCE, bound: 'latency-bound' as const };
    expect(words(sampleReport({ stragglers: [slow], balance }))).toContain(
      'ffn/1’s transfers are 30 % slow. → Check its network.',
    );
  });

  test('prefers advice with its spread, and fills the what-if with it', () => {
    const advice = {
      kind: 'split',
      change: '64A16F',
      gain: 0.11,
      low: 0.08,
      high: 0.13,
      assumes: 'times scale with the batch',
      set: ['ratio=64A16F'],
    };
    const report = sampleReport({ balance: { ...SAMPLE_BALANCE, advice: [advice] } });
    expect(words(report)).toContain('→ 64A16F would give about +11 % ± 3.0 % tokens/s per GPU.');
    const { pieces } = verdictSentence(verdictOf(report));
    expect(pieces.find(({ text }) => text === '64A16F')?.evidence).toEqual({
      path: '/balance',
      change: { set: ['ratio=64A16F'] },
    });
    // A split that makes up for a sick worker is not advice.
    const sick = sampleReport({
      balance: { ...SAMPLE_BALANCE, advice: [advice] },
      stragglers: [straggler('ffn/1')],
    });
    expect(words(sick)).not.toContain('64A16F');
  });

  test('a ratio of the GPUs at hand comes before one that gains as much with other GPUs', () => {
    const change = (kind: string, name: string, gain: number) => ({
      kind,
      change: name,
      gain,
      low: gain,
      high: gain,
      assumes: '',
    });
    const advice = [change('add-ffn', '8A6F', 0.091), change('ratio', '7A5F', 0.088)];
    expect(words(sampleReport({ balance: { ...SAMPLE_BALANCE, advice } }))).toContain('→ 7A5F');
    const more = [change('add-ffn', '8A6F', 0.12), change('ratio', '7A5F', 0.088)];
    expect(words(sampleReport({ balance: { ...SAMPLE_BALANCE, advice: more } }))).toContain(
      '→ 8A6F',
    );
  });

  test('where no ratio is better, says how little is left', () => {
    const balance = { ...SAMPLE_BALANCE, ratioMargin: { gain: 0.006, low: 0, high: 0.02 } };
    const margin = '→ No other ratio of these GPUs would bring more than 0.6 %.';
    expect(words(sampleReport({ balance }))).toContain(margin);
    expect(words(sampleReport({ balance, groups: EVEN }))).toMatch(/^Healthy\./);
    expect(words(sampleReport({ balance, groups: EVEN }))).toContain(margin);
    const none = { ...SAMPLE_BALANCE, ratioMargin: { gain: 0, low: 0, high: 0 } };
    expect(words(sampleReport({ balance: none, groups: EVEN }))).toContain(
      '→ No other ratio of these GPUs would be better.',
    );
    const doubtful = { ...SAMPLE_BALANCE, ratioMargin: { gain: 0.32, low: -0.1, high: 0.6 } };
    expect(words(sampleReport({ balance: doubtful, groups: EVEN }))).not.toContain('other ratio');
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
      /; a layer takes 29 % over its ideal\. → That is stalls or jitter, not the split; look at the layers and the trends\.$/,
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
      'That is the network, not the split: the slowest F2A transfers take 7.0 times their median.',
    );
    // Of two tails, the one that takes longer, though it is a little less over its median.
    const both = layers.map((layer) => ({ ...layer, a2fNs: times(70_000, 500_000) }));
    expect(words(sampleReport({ balance, layers: both }))).toContain('the slowest F2A transfers');
    // With tails that explain it, half the gap is enough.
    const small = { ...SAMPLE_BALANCE, measuredPeriodNs: 738_000 * 1.07 };
    expect(words(sampleReport({ balance: small, layers }))).toContain('That is the network');
    expect(words(sampleReport({ balance: small }))).not.toContain('over its ideal');
  });

  test('host work that stops the GPUs comes before another split', () => {
    const attention = sampleGroup('attention', 4, 0.6);
    const groups = [
      { ...attention, bubble: { ...attention.bubble, waitPeerNs: 1200, hostNs: 400 } },
      sampleGroup('ffn', 2, 0.95),
    ];
    expect(words(sampleReport({ groups }))).toContain(
      '; Attention GPUs stand still for host work in 10 % of it. → Shorten that first',
    );
  });

  test('a measurement under the ideal is within it', () => {
    const balance = { ...SAMPLE_BALANCE, measuredPeriodNs: 730_000 };
    expect(words(sampleReport({ balance }))).toContain('takes 730 µs, within its ideal 738 µs.');
  });

  test('healthy says so with its margin', () => {
    expect(words(sampleReport({ groups: EVEN }))).toMatch(
      /^Healthy\. No group is idle for more than 8\.8 % of its active time; the layer is ffn-bound\./,
    );
  });

  test('a slow worker is never healthy', () => {
    const report = sampleReport({ groups: EVEN, stragglers: [straggler('attention/2')] });
    expect(verdictOf(report)).toMatchObject({
      kind: 'bounded',
      culprit: { workerId: 'attention/2' },
    });
  });

  test('excess under 8 % names nobody', () => {
    const report = sampleReport({
      groups: EVEN,
      stragglers: [straggler('ffn/0', { excessRatio: 0.05 })],
    });
    expect(verdictOf(report)).toMatchObject({ kind: 'healthy', culprit: null });
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
      'Bound unknown. Attention GPUs wait 40 % of their active time. No layer was seen whole on both sides, which the bound needs.',
    );
    expect(words(sampleReport({ balance: null, exactness: 'rollup' }))).toContain(
      '→ Choose a shorter window to see the bound: this one is answered from rollups.',
    );
    const together = { balance: null, workers: [], groups: [sampleGroup('colocated', 4, 0.6)] };
    expect(words(sampleReport(together))).toMatch(/^Not disaggregated\. colocated GPUs wait/);
    expect(
      words(sampleReport({ ...together, groups: [sampleGroup('colocated', 4, 0.9)] })),
    ).toMatch(/^Healthy\. .* active time; not disaggregated\.$/);
  });
});

describe('hot experts', () => {
  const experts = {
    maxOverMean: 1.8,
    vllmBalancedness: 0.55,
    sglangBalancedness: 0.55,
    activePerRank: 60,
    hottest: [{ worker: 'ffn/1', layer: 20, expert: 7, tokens: 900 }],
    forcedRouting: false,
    workers: [
      { worker: 'ffn/0', tokens: 500, tokensRatio: 0.2, active: 60 },
      { worker: 'ffn/1', tokens: 900, tokensRatio: 1.8, active: 60 },
    ],
    layers: [],
  };

  test('stand in place of the straggler that they make', () => {
    const slow = straggler('ffn/1', { cause: 'load', loadRatio: 0.3, residualRatio: 0 });
    expect(words(sampleReport({ experts, stragglers: [slow], balance: UNEVEN }))).toBe(
      'FFN-bound. Attention GPUs wait 40 % of their active time; ffn/1 gets 1.8 times the mean tokens, most for expert 7. → Move or replicate its hot experts: an even group would shorten the layer by 10 %.',
    );
  });

  test('do not hide another worker that is slow', () => {
    const report = sampleReport({ experts, stragglers: [straggler('ffn/0')], balance: UNEVEN });
    expect(words(report)).toContain('ffn/0 is 30 % slow');
  });

  test('in some layers only say which', () => {
    const layers = Array.from({ length: 58 }, (_, i) => ({
      layer: i + 3,
      maxOverMean: i + 3 >= 20 && i + 3 <= 30 ? 1.9 : 1.04,
      vllmBalancedness: 0.9,
      sglangBalancedness: 0.9,
      tokensTimeCorrelation: null,
      worker: i + 3 >= 20 && i + 3 <= 30 ? 'ffn/1' : 'ffn/0',
    }));
    const workers = experts.workers.map((worker) => ({ ...worker, tokensRatio: 1.1 }));
    expect(words(sampleReport({ experts: { ...experts, workers, layers } }))).toContain(
      'ffn/1 gets 1.9 times the mean tokens in layers 20–30, most for expert 7.',
    );
  });

  test('routing that looks forced is said', () => {
    const forced = { ...experts, workers: [], forcedRouting: true };
    expect(words(sampleReport({ experts: forced }))).toContain(' Routing looks forced.');
  });
});

describe('hangs', () => {
  const clock = new Date(1_767_225_600_000).toTimeString().slice(0, 8);

  test('come before everything else', () => {
    const report = sampleReport({ hangs: [HANG], stragglers: [straggler('ffn/1')] });
    expect(words(report)).toBe(
      `Hung: attention/3 made no progress since ${clock} (attention, layer 30, micro-batch 1); 11 workers wait for it. → It has its input: look at its process and its GPU.`,
    );
    expect(verdictSentence(verdictOf(report)).severity).toBe('critical');
  });

  test('are known live where the report does not see them', () => {
    expect(words(sampleReport(), { hangs: [HANG] })).toMatch(/^Hung: attention\/3/);
    expect(words(null, { hangs: [HANG] })).toMatch(/^Hung: attention\/3/);
  });

  test('that are over are a remark', () => {
    const over = { ...HANG, untilUnixNs: '1767225609000000000' };
    expect(words(sampleReport({ hangs: [over] }))).toMatch(
      new RegExp(`^FFN-bound\\..* attention/3 hung for 9\\.00 s at ${clock}\\. →`),
    );
  });

  test('name what is missing: a receive, any event, a first fault', () => {
    expect(words(sampleReport({ hangs: [{ ...HANG, reason: 'no-receive' }] }))).toContain(
      '→ Look at its network first',
    );
    const silent = { ...HANG, kind: 'silent', reason: 'silent', waiting: 0 } as const;
    expect(words(sampleReport({ hangs: [silent] }))).toMatch(
      /^Silent: attention\/3 sends no events since .* → Look at its process, its host/,
    );
    const nobody = { ...HANG, worker: null, reason: 'unknown', waiting: 0 } as const;
    expect(words(sampleReport({ hangs: [nobody] }))).toContain('no worker stands out');
    // Somebody who stands still matters more than somebody who only fell silent.
    expect(words(sampleReport({ hangs: [silent, HANG] }))).toMatch(/^Hung/);
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

  test('clocks that disagree, and waiting that nothing explains', () => {
    const { clock, groups } = sampleReport();
    expect(confidence(sampleReport({ clock: { ...clock, conflicts: 2 } }))).toBe('clocks disagree');
    const [first, second] = groups;
    const causes = { ...first!.causes, peerComputeNs: 60, unknownNs: 40 };
    expect(confidence(sampleReport({ groups: [{ ...first!, causes }, second!] }))).toBe('partial');
    // A report that splits no waiting by cause is not partial.
    const none = { ...first!.causes, unknownNs: 40 };
    expect(confidence(sampleReport({ groups: [{ ...first!, causes: none }, second!] }))).toBe(
      'clear',
    );
  });
});

test('the median of an even count lies between', () => {
  expect(median([4, 1, 3, 2])).toBe(2.5);
  expect(median([])).toBeNaN();
});
