/** `afdscope alerts check|test`: what they print, what they end with. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, describe, expect, test, vi } from 'vitest';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { runAfdscope } from '#test/support/afdscope-process.ts';
import { smallSpec } from '#test/support/compared-world.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

vi.setConfig({ testTimeout: 240_000 });
const folder = mkdtempSync(join(tmpdir(), 'afdscope-alerts-'));
const file = (name: string, content: string | Uint8Array): string => {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
};
const SMALL = ['--attention', '2', '--ffn', '2', '--layers', '8'];

afterAll(() => {
  rmSync(folder, { recursive: true, force: true });
});

const RULES = file(
  'rules.yaml',
  `rules:
  - name: any-bubble
    metric: bubble_ratio
    where: { group: ffn }
    threshold: 0.01
    window: 5s
    annotations: { summary: "{{ labels.group }} at {{ value }}" }
`,
);

describe('alerts check', () => {
  test('says what is right', async () => {
    const { code, stdout } = await runAfdscope(['alerts', 'check', RULES]);
    expect(stdout).toBe(`${RULES}: 1 rules, no problem\n`);
    expect(code).toBe(0);
  });

  test('names file, line, rule, key and what is allowed, and ends with 1', async () => {
    const bad = file(
      'bad.yaml',
      'rules:\n  - name: a\n    metric: bubbles\n    threshold: 1\n    severity: page\n',
    );
    const { code, stdout } = await runAfdscope(['alerts', 'check', bad, RULES]);
    expect(stdout).toContain(`${bad}:5: a: severity: write one of info, warning, critical`);
    expect(stdout).toContain(`${RULES}: 1 rules, no problem`);
    expect(code).toBe(1);
    const json = await runAfdscope(['alerts', 'check', bad, '--json']);
    expect(JSON.parse(json.stdout).files[0].problems).toHaveLength(1);
    expect(json.code).toBe(1);
  });

  test('knows receivers and tests by their keys', async () => {
    const receivers = file(
      'receivers.yaml',
      'receivers:\n  - name: a\n    kind: telegraph\nroutes: []\n',
    );
    const tests = file('tests.yaml', 'tests:\n  - name: a\n    input: { scenario: sick }\n');
    const { code, stdout } = await runAfdscope(['alerts', 'check', receivers, tests]);
    expect(stdout).toContain(`${receivers}: receiver "a": kind`);
    expect(stdout).toContain(`${tests}: tests.0.input.scenario`);
    expect(code).toBe(1);
  });
});

describe('alerts test', () => {
  test('a scenario: a table of what would have fired', async () => {
    const args = ['alerts', 'test', RULES, '--only', '--duration', '20s', ...SMALL];
    const { code, stdout, stderr } = await runAfdscope(args);
    expect(stderr).toBe('');
    expect(stdout).toMatch(/^ +time {2}change {2}severity {2}rule/);
    expect(stdout).toMatch(/^\+\d+\.\d s {2}firing {2}warning {3}any-bubble {2}ffn/m);
    expect(code).toBe(0);
  });

  test('files: the same as JSON, at the time of their events', async () => {
    const table = simulateSteps(smallSpec({}), { steps: 200, seed: 1 });
    const traces = file('traces.pb', encodeTracesProtobuf(table));
    const { code, stdout } = await runAfdscope([
      'alerts',
      'test',
      RULES,
      traces,
      '--only',
      '--json',
    ]);
    expect(code).toBe(0);
    const answer = JSON.parse(stdout);
    expect(answer.rules).toBe(1);
    expect(answer.looks).toBeGreaterThan(0);
    expect(answer.changes[0]).toMatchObject({
      change: 'firing',
      rule: 'any-bubble',
      labels: { group: 'ffn', alertname: 'any-bubble' },
    });
    const startUnixMs = Number(table.baseUnixNs / 1_000_000n);
    expect(Math.abs(answer.changes[0].atUnixMs - startUnixMs)).toBeLessThan(60_000);
  });

  test('a test file passes or fails with what is not as expected', async () => {
    const input =
      'input: { scenario: healthy, attention: 2, ffn: 2, layers: 8, duration: 15s, fault_from: 0s }';
    const tests = file(
      'expect.yaml',
      `rules: [rules.yaml]
builtin: false
tests:
  - name: fires
    ${input}
    expect: [{ rule: any-bubble, labels: { group: ffn }, within: 10s }]
  - name: should not fire
    ${input}
  - name: another rule
    ${input}
    expect: [{ rule: straggler }]
    others: any
`,
    );
    const { code, stdout } = await runAfdscope(['alerts', 'test', tests]);
    expect(stdout).toContain('ok     fires');
    expect(stdout).toMatch(
      /FAILED should not fire\n +any-bubble \{group=ffn\} fired after .* and nothing explains it/,
    );
    expect(stdout).toMatch(/FAILED another rule\n +straggler did not fire/);
    expect(stdout).toContain('1 of 3 tests passed');
    expect(code).toBe(1);
  });

  test.each([
    [['--fault', '{'], '--fault: not JSON'],
    [
      ['--fault', '{"slowRank":{"role":"ffn","rank":9,"factor":2}}'],
      '--fault.slowRank.rank: ffn ranks go from 0 to 3',
    ],
    [['--scenario', 'sick'], '--scenario: '],
    [['--duration', 'long'], '--duration: write a duration'],
    [['--layers', 'many'], '--layers: '],
    [['--scenario', 'healthy', '--data', folder], 'replay one thing'],
  ])('%j is refused', async (args, message) => {
    const { code, stderr } = await runAfdscope(['alerts', 'test', 'builtin', ...args]);
    expect(stderr).toContain(message);
    expect(code).toBe(2);
  });

  test('a rule file with a problem is not tried', async () => {
    const { code, stderr } = await runAfdscope(['alerts', 'test', join(folder, 'none.yaml')]);
    expect(stderr).toContain('cannot be read (ENOENT)');
    expect(code).toBe(1);
  });
});
