import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { QueryFailedError, QueryPool, type QueryPoolOptions } from '#lib/query/query-pool.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { slowSteps } from '#test/support/live-feed.ts';

const WORKER = new URL('../../../lib/query/query-worker.ts', import.meta.url);

let folder: string;
let fake: string;
let pool: QueryPool | undefined;

/** A thread that does as the question's deployment says. */
const FAKE_WORKER = `
  import { parentPort } from 'node:worker_threads';
  parentPort.on('message', ({ id, question }) => {
    const [what, ms] = question.deployment.split(' ');
    if (what === 'crash') throw new Error('crashed');
    if (what === 'exit') process.exit(3);
    if (what === 'spin') for (const end = Date.now() + 60000; Date.now() < end; );
    setTimeout(() => parentPort.postMessage({ id, ok: true, answer: what }), Number(ms ?? 0));
  });
`;

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'afdscope-pool-'));
  fake = join(folder, 'fake-worker.mjs');
  await writeFile(fake, FAKE_WORKER);
});

afterEach(() => pool?.close());
afterAll(() => rm(folder, { recursive: true, force: true }));

function open(options: Partial<QueryPoolOptions> = {}): QueryPool {
  pool = new QueryPool({ workerFile: fake, store: 'sqlite', dataDir: folder, ...options });
  return pool;
}

const ask = (deployment: string, signal?: AbortSignal) =>
  pool!.ask('report', { deployment }, Date.now(), signal);

async function failureOf(promise: Promise<unknown>) {
  const error = await promise.then(
    () => undefined,
    (reason: unknown) => reason,
  );
  if (!(error instanceof QueryFailedError)) throw new Error(`no failure but ${String(error)}`);
  return error.failure;
}

describe('QueryPool', () => {
  test('answers in any number, each to its question', async () => {
    open();
    const names = Array.from({ length: 30 }, (_, i) => `q${i}`);
    expect(await Promise.all(names.map((name) => ask(name)))).toEqual(names);
  });

  test('a crashed thread fails its question and is replaced', async () => {
    open({ threads: 1 });
    expect(await failureOf(ask('crash'))).toMatchObject({ kind: 'internal' });
    expect(await failureOf(ask('exit'))).toMatchObject({ kind: 'internal' });
    expect(await ask('well')).toBe('well');
  });

  test('a question that takes too long is stopped, the next one is answered', async () => {
    open({ threads: 1, timeoutMs: 300 });
    const [slow, next] = await Promise.all([failureOf(ask('spin')), ask('next')]);
    expect(slow.kind).toBe('timeout');
    expect(slow.message).toContain('0.3 s');
    expect(next).toBe('next');
  });

  test('too many waiting questions are refused at once', async () => {
    open({ threads: 1, maxWaiting: 2 });
    const kept = [ask('a 100'), ask('b'), ask('c')];
    expect(await failureOf(ask('d'))).toMatchObject({ kind: 'busy' });
    expect(await Promise.all(kept)).toEqual(['a', 'b', 'c']);
  });

  test('a withdrawn question never runs', async () => {
    open({ threads: 1 });
    const first = ask('a 100');
    const controller = new AbortController();
    const second = failureOf(ask('crash', controller.signal));
    controller.abort();
    expect((await second).message).toContain('withdrawn');
    expect(await first).toBe('a');
    expect(await ask('b')).toBe('b');
  });

  test('closing fails what is open', async () => {
    open({ threads: 1 });
    const waiting = [failureOf(ask('a 5000')), failureOf(ask('b'))];
    await sleep(20);
    await pool?.close();
    expect((await Promise.all(waiting)).map(({ kind }) => kind)).toEqual(['internal', 'internal']);
    expect(await failureOf(ask('c'))).toMatchObject({ kind: 'internal' });
  });

  test('the real thread: no database yet, then answers as soon as there is one', async () => {
    const dataDir = join(folder, 'data');
    open({ workerFile: WORKER, dataDir });
    const deployments = () => pool!.ask('deployments', {}, Date.now());
    expect(await failureOf(deployments())).toMatchObject({ kind: 'no-database' });
    const writer = await openTelemetryWriter({ data: dataDir });
    const table = slowSteps({ seconds: 1, deployment: 'a/b é' });
    await writer.append([
      {
        batchId: 'one',
        receivedUnixNs: unixNanos(1n),
        events: [table],
        packed: [],
        metrics: [],
        rejected: new Map(),
        logRecords: 0,
      },
    ]);
    const { deployments: found } = await deployments();
    expect(found).toMatchObject([{ id: 'a/b é', topology: '2A1F', events: table.length }]);
    const report = await ask('a/b é');
    expect(report.workers).toHaveLength(3);
    expect(await failureOf(ask('none'))).toMatchObject({ kind: 'not-found', parameter: 'id' });
    const wrong = pool!.ask('series', { deployment: 'a/b é', from: 'x' }, Date.now());
    expect(await failureOf(wrong)).toMatchObject({ kind: 'bad-parameter', parameter: 'from' });
    const notes = await pool!.ask('annotations', { deployment: 'a/b é' }, Date.now());
    expect(notes).toEqual({ annotations: [] });
    await writer.close();
  });
});
