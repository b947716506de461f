/** `afdscope compare`: what it prints, what it ends with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { compareSchema } from '#lib/api/compare.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { runAfdscope } from '#test/support/afdscope-process.ts';
import { smallSpec } from '#test/support/compared-world.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const folder = mkdtempSync(join(tmpdir(), 'afdscope-compare-'));
const fast = join(folder, 'fast@1.pb');
const slow = join(folder, 'slow.pb');
const table = (expertNs: number, seed: number) =>
  simulateSteps(smallSpec({ expertNs }), { steps: 20, seed });

beforeAll(() => {
  writeFileSync(fast, encodeTracesProtobuf(table(240_000, 1)));
  writeFileSync(slow, encodeTracesProtobuf(table(264_000, 2)));
});

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe('files', () => {
  test('tables for people', async () => {
    const { code, stdout, stderr } = await runAfdscope(['compare', fast, slow]);
    expect(stderr).toBe('');
    expect(code).toBe(0);
    expect(stdout).toMatch(/^B is \d\.\d % slower per step \(± \d\.\d %\): experts of layers 1-5/);
    expect(stdout).toMatch(/^Time per step .* ms +\d.* ms .* higher, worse$/m);
    expect(stdout).toMatch(/^ffn: One expert .* higher, worse$/m);
    expect(stdout).toMatch(/^ {2}1\. Experts of layers 1-5 take .* longer/m);
  });

  test('a kernel table that cannot be read is told, not passed over', async () => {
    const missing = join(folder, 'none.yaml');
    const { code, stderr } = await runAfdscope(['compare', fast, slow, '--kernels', missing]);
    expect(stderr).toContain(missing);
    expect(code).toBe(1);
  });

  test('JSON is the contract', async () => {
    const { code, stdout } = await runAfdscope(['compare', fast, slow, '--json']);
    expect(code).toBe(0);
    expect(compareSchema.parse(JSON.parse(stdout)).verdict.direction).toBe('slower');
  });

  test('a regression ends with 1, a gain and a small one with 0', async () => {
    const worse = await runAfdscope(['compare', fast, slow, '--fail-on-regression', '3']);
    expect(worse.stderr).toMatch(/B is \d\.\d % slower per step, more than the 3\.0 % that are/);
    expect(worse.code).toBe(1);
    expect((await runAfdscope(['compare', fast, slow, '--fail-on-regression', '50%'])).code).toBe(
      0,
    );
    expect((await runAfdscope(['compare', slow, fast, '--fail-on-regression', '3'])).code).toBe(0);
  });

  test.each([
    [['compare', 'a.json'], "missing required argument 'b'"],
    [['compare', fast, slow, '--fail-on-regression', 'much'], 'is not a percentage'],
    [['compare', fast, `${slow}@soon`], '"soon" is not a time'],
    [['compare', '@-5m', 'x', '--data', folder], 'write NAME@FROM..TO'],
  ])('%j is wrong usage', async (args, message) => {
    const { code, stderr } = await runAfdscope(args);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('a file that is not there', async () => {
    const { code, stderr } = await runAfdscope(['compare', fast, join(folder, 'none.pb')]);
    expect(stderr).toContain('none.pb');
    expect(code).toBe(1);
  });
});

test('deployments and windows of a store', async () => {
  const data = scratchFolder();
  const writer = await openTelemetryWriter({ data });
  const first = table(240_000, 1);
  await writer.append([
    {
      batchId: 'one',
      receivedUnixNs: first.baseUnixNs,
      events: [first, { ...table(264_000, 2), workers: renamed(first.workers) }],
      packed: [],
      metrics: [],
      rejected: new Map(),
      logRecords: 0,
    },
  ]);
  await writer.close();
  const whole = ['compare', 'demo', 'canary', '--data', data, '--json'];
  const answer = compareSchema.parse(JSON.parse((await runAfdscope(whole)).stdout));
  expect([answer.a.deployment, answer.b.deployment]).toEqual(['demo', 'canary']);
  expect(answer.verdict.direction).toBe('slower');
  const windows = ['compare', 'demo@2026-01-01T00:00:00Z..2026-01-01T00:00:00.1Z', 'canary'];
  const cut = await runAfdscope([...windows, '--data', data, '--json']);
  const { a } = compareSchema.parse(JSON.parse(cut.stdout));
  expect(a.window.durationNs).toBe(1e8);
  expect(a.steps).toBeLessThan(answer.a.steps);
  const unknown = await runAfdscope(['compare', 'demo', 'nobody', '--data', data]);
  expect(unknown.stderr).toContain('There is no deployment "nobody". Known: canary, demo.');
  expect(unknown.code).toBe(1);
});

function renamed(workers: ReturnType<typeof table>['workers']) {
  return workers.map((info) => ({ ...info, deployment: 'canary' }));
}
