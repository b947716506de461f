import fc from 'fast-check';
import { expect, it } from 'vitest';
import { faultsOf, parseFaultRequest } from '#collector/simulate/fault-request.ts';
import { gpuActivity } from '#collector/simulate/gpu-activity.ts';
import { parseOptions } from '#collector/simulate/options.ts';
import { hrTime } from '#collector/simulate/worker-reporter.ts';
import { unixNanos } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';

it('splits instants into seconds and nanoseconds without losing one', () => {
  const origin = fc.bigInt({ min: 0n, max: 4_000_000_000_000_000_000n });
  const offset = fc.integer({ min: -1e9, max: 2 ** 50 });
  fc.assert(
    fc.property(origin, offset, (unixNs, offsetNs) => {
      fc.pre(unixNs + BigInt(offsetNs) >= 0n);
      const [seconds, nanos] = hrTime(unixNanos(unixNs), offsetNs);
      expect(BigInt(seconds) * 1_000_000_000n + BigInt(nanos)).toBe(unixNs + BigInt(offsetNs));
      expect(nanos >= 0 && nanos < 1e9).toBe(true);
    }),
    { seed: 2 },
  );
});

it('turns a request into faults: null and absent are off, units are converted', () => {
  const spec = scenarioSpec('healthy');
  const request = {
    slowRank: { role: 'attention', rank: 7, factor: 1.5 },
    hotExpert: { rank: 3, factor: 2, fromLayer: 10 },
    commTail: null,
    hostGapMs: 2.5,
    clockOffset: { target: 'ffn/2', offsetNs: -150_000 },
    lostSpans: 0,
  };
  const parsed = parseFaultRequest(request, spec);
  expect(parsed.ok && faultsOf(parsed.value)).toEqual({
    slowRank: { role: 'attention', rank: 7, factor: 1.5 },
    hotExpert: { rank: 3, factor: 2, fromLayer: 10 },
    hostGapNs: 2_500_000,
    clockOffset: [{ target: 'ffn/2', offsetNs: -150_000 }],
  });
  const all = {
    longContext: { rank: 0, factor: 2 },
    commTail: { probability: 0.01, factor: 7 },
    clockOffset: [{ target: 'node-1', offsetNs: 1 }],
    hungRank: { role: 'ffn', rank: 0, layer: 5 },
    lostSpans: 0.1,
  };
  const other = parseFaultRequest(all, spec);
  expect(other.ok && faultsOf(other.value)).toEqual({
    longContext: { rank: 0, factor: 2 },
    commTail: { probability: 0.01, factor: 7 },
    clockOffset: [{ target: 'node-1', offsetNs: 1 }],
    hungRank: { role: 'ffn', rank: 0, layer: 5 },
    lostSpansRatio: 0.1,
  });
});

it('reads flags, with a healthy 8A4F as the default', () => {
  const defaults = parseOptions([]);
  expect(defaults).toEqual({
    ok: true,
    value: {
      otlpUrl: 'http://127.0.0.1:4318',
      deployment: 'demo',
      scenario: 'healthy',
      attentionWorkers: 8,
      ffnWorkers: 4,
      reportEvery: null,
      seed: 1,
      packed: false,
      controlPort: 0,
    },
  });
  const given = parseOptions([
    '--otlp',
    'http://h:1/',
    '--report-every=20',
    '--scenario',
    'strict',
    '--packed',
  ]);
  expect(given.ok && given.value).toMatchObject({
    otlpUrl: 'http://h:1',
    reportEvery: 20,
    scenario: 'strict',
    packed: true,
  });
  for (const args of [['--otlp', 'nowhere'], ['--seed', '-1'], ['--what'], ['--ffn', '0']]) {
    expect(parseOptions(args).ok).toBe(false);
  }
});

it('shows a waiting GPU as utilized, with idle tensor cores and memory', () => {
  const waiting = gpuActivity('ffn', 0);
  const working = gpuActivity('ffn', 1);
  expect(waiting.utilizationRatio).toBeGreaterThan(0.98);
  expect(waiting.tensorActiveRatio).toBe(0);
  expect(working.tensorActiveRatio).toBeGreaterThan(0.5);
  expect(gpuActivity('attention', 0.5).powerWatts).toBeGreaterThan(waiting.powerWatts);
  expect(gpuActivity('attention', 7)).toEqual(gpuActivity('attention', 1));
});
