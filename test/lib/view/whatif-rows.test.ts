import { expect, test } from 'vitest';
import { type WhatifOutcome, whatifSchema } from '#lib/api/whatif.ts';
import { whatifRows } from '#lib/view/whatif-rows.ts';

const exactly = (value: number) => ({ value, low: value * 0.98, high: value * 1.02 });

function outcome(stepNs: number, changes: Partial<WhatifOutcome> = {}): WhatifOutcome {
  return {
    attention: 8,
    ffn: 4,
    microbatches: 3,
    stepNs: exactly(stepNs),
    periodNs: exactly(stepNs / 61),
    tokensPerSecond: exactly(3e12 / stepNs),
    tokensPerSecondPerGpu: exactly(3e12 / stepNs / 12),
    attentionBubble: 0.38,
    ffnBubble: 0.02,
    ...changes,
  };
}

function rowsOf(predicted: WhatifOutcome, measured = outcome(45_100_000)) {
  const replayed = outcome(45_000_000);
  const answer = whatifSchema.parse({
    deployment: 'demo',
    window: { startUnixNs: '0', endUnixNs: '1', durationNs: 1 },
    steps: 4,
    events: 10,
    changes: [],
    result: {
      measured,
      replayed,
      replayErrorRatio: -0.002,
      reproduces: true,
      predicted,
      stepGain: exactly(-0.1),
      tokensPerSecondPerGpuGain: null,
    },
    problem: null,
    assumes: [],
  });
  if (answer.result === null) throw new Error('no result');
  return whatifRows(answer.result);
}

const row = (rows: ReturnType<typeof rowsOf>, term: string) => rows.find((r) => r.term === term);

test('a shorter step is better, and more tokens are', () => {
  const rows = rowsOf(outcome(40_500_000, { attentionBubble: 0.31 }));
  expect(row(rows, 'whatifStep')?.change).toEqual({ text: '−10.0 %', isBetter: true });
  expect(row(rows, 'whatifTokensPerGpu')?.change).toEqual({ text: '+11.1 %', isBetter: true });
  expect(row(rows, 'whatifAttentionBubble')?.change).toEqual({ text: '−7.0 pt', isBetter: true });
  expect(row(rows, 'whatifFfnBubble')?.change).toBeNull();
});

test('the change is against the replay, not against the measurement', () => {
  const rows = rowsOf(outcome(45_000_000), outcome(60_000_000));
  expect(row(rows, 'whatifStep')?.change).toBeNull();
  expect(row(rows, 'whatifStep')?.measured.value).toBe('60.0');
});

test('figures that nobody knows have no row', () => {
  const none = { tokensPerSecond: null, tokensPerSecondPerGpu: null };
  const rows = rowsOf(outcome(40e6, none), outcome(45e6, none));
  expect(rows.map(({ term }) => term)).toEqual([
    'whatifStep',
    'measuredPeriod',
    'whatifAttentionBubble',
    'whatifFfnBubble',
  ]);
});
