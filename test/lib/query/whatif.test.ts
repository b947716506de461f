import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { whatifSchema } from '#lib/api/whatif.ts';
import { unixNanos } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { BadQuestionError } from '#lib/query/errors.ts';
import { whatifFiles, whatifQuestion } from '#lib/query/whatif.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { FEED_START } from '#test/support/live-feed.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

const spec = scenarioSpec('ffn-bound', { layers: 10 });
const table = simulateSteps(spec, { steps: 12, seed: 3, startUnixNs: FEED_START });
const NOW = unixNanos(FEED_START + 2_000_000_000n);
let folder: string;
let store: TelemetryStore;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-whatif-'));
  store = await openTelemetryWriter({ data: folder });
  await store.append([
    {
      batchId: 'one',
      receivedUnixNs: NOW,
      events: [table],
      packed: [],
      metrics: [],
      rejected: new Map(),
      logRecords: 0,
    },
  ]);
});

afterAll(async () => {
  await store.close();
  await rm(folder, { recursive: true, force: true });
});

const ask = (question: object) => whatifQuestion(store, { deployment: 'demo', ...question }, NOW);

describe('whatif', () => {
  test('from the store and from the file: the same', async () => {
    const set = ['ratio=7A5F', 'network=0.5'];
    const stored = await ask({ set });
    const file = join(folder, 'traces.pb');
    await writeFile(file, encodeTracesProtobuf(table));
    const read = await whatifFiles([file], {}, set, NOW);
    expect(whatifSchema.parse(stored)).toEqual(stored);
    expect(read.answer.result).toEqual(stored.result);
    expect(stored.changes.map(({ words }) => words)).toEqual([
      '7A5F instead of 8A4F, requests per attention worker as now',
      'transfer times times 0.5',
    ]);
    expect(stored.steps).toBe(12);
    const { result } = stored;
    expect(result!.predicted).toMatchObject({ attention: 7, ffn: 5, microbatches: 3 });
    expect(result!.stepGain.high).toBeLessThan(-0.1);
    expect(stored.assumes.join(' ')).toContain('Of FFN time');
  });

  test('without changes: the replay alone', async () => {
    const { result, assumes, changes } = await ask({});
    expect(result!.predicted).toEqual(result!.replayed);
    expect([assumes, changes]).toEqual([[], []]);
  });

  test('a window in which no step is whole is said, not answered', async () => {
    const from = String(FEED_START + 1_000_000n);
    const short = await ask({ from, to: String(FEED_START + 3_000_000n), set: ['network=2'] });
    expect(short.result).toBeNull();
    expect(short.problem).toBe(
      'Nothing can be replayed: no step lies inside the window as a whole.',
    );
    const empty = await ask({ from: String(FEED_START + 1_900_000_000n), set: ['network=2'] });
    expect(empty.problem).toBe('Nothing can be replayed: there is no step in the window.');
  });

  test('a larger cluster is replayed over fewer steps', async () => {
    // 12 workers × 10 layers × 3 micro-batches are 360 cells a step, 2,370 of them 71,100.
    const { steps, result } = await ask({ set: ['ratio=240A120F'] });
    expect(steps).toBe(6);
    expect(result!.predicted).toMatchObject({ attention: 240, ffn: 120 });
    expect((await ask({ set: ['ratio=16A8F'] })).steps).toBe(12);
  });

  test.each([
    ['fix=attention/9', 'no such worker; there are attention/0'],
    ['stage:moe=2', 'no such stage; there are attention'],
    ['network=fast', 'write a factor over 0'],
    [
      'ratio=4096A4096F',
      'too large to be replayed; with these layers and micro-batches up to 4684',
    ],
  ])('%s is refused, naming what is there', async (set, message) => {
    await expect(ask({ set: [set] })).rejects.toThrow(BadQuestionError);
    await expect(ask({ set: [set] })).rejects.toMatchObject({ parameter: 'set' });
    await expect(ask({ set: [set] })).rejects.toThrow(message);
  });
});
