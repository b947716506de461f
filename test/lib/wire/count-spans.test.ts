import { expect, test } from 'vitest';
import { countSpans } from '#lib/wire/count-spans.ts';
import { PatchedTraces } from '#test/support/patched-traces.ts';

const workers = {
  attentionWorkers: 2,
  ffnWorkers: 1,
  microbatches: 3,
  firstReplica: 0,
  domain: 0,
  deployment: 'test',
};

test('few spans are counted', () => {
  const { body } = new PatchedTraces({ ...workers, spans: 40 });
  expect(countSpans(body)).toBe(40);
});

test('of many, the first tell about how many there are, rather too many than too few', () => {
  const { body } = new PatchedTraces({ ...workers, spans: 3000 });
  expect(countSpans(body)).toBeGreaterThanOrEqual(3000);
  expect(countSpans(body)).toBeLessThan(3300);
});

test('what is not well-formed is counted up to there', () => {
  const { body } = new PatchedTraces({ ...workers, spans: 40 });
  expect(countSpans(body.subarray(0, 10))).toBe(0);
  expect(countSpans(Uint8Array.of(0xff, 0xff))).toBe(0);
});
