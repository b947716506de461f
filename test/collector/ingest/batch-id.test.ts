import { expect, test } from 'vitest';
import { batchIdOf } from '#collector/ingest/batch-id.ts';

test('a request has the id that it had in earlier versions: a retry across an upgrade is known', () => {
  const body = new TextEncoder().encode('a request that came before');
  expect(batchIdOf('traces', body)).toBe('traces:6QiR3sWHKsDfVYzlIVICpQ');
  expect(batchIdOf('logs', body)).toBe('logs:6QiR3sWHKsDfVYzlIVICpQ');
  expect(batchIdOf('traces', body.subarray(1))).not.toBe(batchIdOf('traces', body));
});
