import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { ownPlaces, runAfdscope, startCollector } from '#test/support/afdscope-process.ts';
import { kernelEvent, launchEvent, rangeEvent, trace } from '#test/support/kineto-events.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

describe('usage', () => {
  test('help and version are results', async () => {
    const help = await runAfdscope(['--help']);
    expect(help.code).toBe(0);
    for (const command of [
      'up',
      'demo',
      'collector',
      'web',
      'analyze',
      'report',
      'whatif',
      'compare',
      'doctor',
    ]) {
      expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    }
    const sub = await runAfdscope(['report', '--help']);
    expect(sub.code).toBe(0);
    expect(sub.stdout).toContain('AFDSCOPE_DATA, default ./data');
    expect((await runAfdscope(['--version'])).stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
  });

  test.each([
    [[], 'Usage: afdscope'],
    [['nope'], "unknown command 'nope'"],
    [['report', '--nope'], "unknown option '--nope'"],
    [['analyze'], "missing required argument 'files'"],
    [['report', '--data'], "option '--data <value>' argument missing"],
    [['report', '--config', 'none.yaml'], 'none.yaml: there is no such file'],
    [['collector', '--retention-raw', 'ages'], '--retention-raw: "ages" is not allowed'],
  ])('wrong usage is exit code 2: %j', async (args, message) => {
    const { code, stdout, stderr } = await runAfdscope(args);
    expect(stderr).toContain(message);
    expect(stdout).toBe('');
    expect(code).toBe(2);
  });

  test('a variable that nobody reads is a warning', async () => {
    const env = { AFDSCOPE_DTAA: '/tmp', ...ownPlaces(scratchFolder()) };
    const { stderr } = await runAfdscope(['doctor'], env);
    expect(stderr).toContain('AFDSCOPE_DTAA is set');
    expect(stderr).toContain('did you mean AFDSCOPE_DATA?');
  });
});

test('a data folder that cannot be made is said in one line', async () => {
  const data = join(scratchFolder(), 'file');
  writeFileSync(data, '');
  const { code, stderr } = await runAfdscope(['collector'], ownPlaces(data));
  expect(stderr).toBe(
    `afdscope: the data folder ${data} is a file, or has one in its place; a folder is needed, or choose another (--data)\n`,
  );
  expect(code).toBe(1);
});

test('an import into a folder that cannot be made fails at once', async () => {
  const file = join(scratchFolder(), 'a.json');
  writeFileSync(file, '{}');
  const { code, stderr } = await runAfdscope(['import', file, '--data', '/proc/nope/deeper']);
  expect(stderr).toMatch(
    /^afdscope: the data folder \/proc\/nope\/deeper cannot be made there, or choose another \(--data\)\n$/,
  );
  expect(code).toBe(1);
});

describe('report', () => {
  test('a damaged database is said in one line', async () => {
    const data = scratchFolder();
    const writer = await openTelemetryWriter({ data });
    await writer.close();
    const path = join(data, 'afdscope.db');
    const bytes = readFileSync(path);
    bytes.fill(0xa5, 4096 + 100); // the first page holds the schema and stays
    writeFileSync(path, bytes);
    const { code, stderr } = await runAfdscope(['report', '--data', data]);
    expect(stderr).toMatch(/^afdscope: .*damaged \(SQLITE_CORRUPT.*\n$/);
    expect(code).toBe(1);
  });

  test('without a database', async () => {
    const { code, stdout, stderr } = await runAfdscope(['report', '--data', scratchFolder()]);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toMatch(/^afdscope: no database at .*: start the collector/);
  });
});

describe('analyze', () => {
  function writeSteps(path: string, deployment: string): void {
    const spec = { ...scenarioSpec('healthy', { layers: 4 }), deployment };
    writeFileSync(path, encodeTracesProtobuf(simulateSteps(spec, { steps: 2 })));
  }

  test('several deployments need a choice, which names them', async () => {
    const folder = scratchFolder();
    writeSteps(join(folder, 'a.pb'), 'blue');
    writeSteps(join(folder, 'b.pb'), 'green');
    const unclear = await runAfdscope(['analyze', folder, '--json']);
    expect(unclear.code).toBe(2);
    expect(unclear.stderr).toContain('blue, green');
    const chosen = await runAfdscope(['analyze', folder, '--json', '--deployment', 'green']);
    expect(JSON.parse(chosen.stdout)).toMatchObject({ deployment: 'green', steps: { count: 2 } });
    const unknown = await runAfdscope(['analyze', folder, '--deployment', 'red']);
    expect(unknown.code).toBe(1);
    expect(unknown.stderr).toContain('There is no deployment "red"');
  });

  test('GPU traces: the report on stdout, what was recognised on stderr and under import', async () => {
    const folder = scratchFolder();
    const kernels = join(folder, 'own.yaml');
    writeFileSync(kernels, 'kernels: [{ match: warp, stage: expert, library: ours }]');
    const traces = join(folder, 'traces');
    mkdirSync(traces);
    for (const rank of [0, 1]) {
      const events = [
        rangeEvent('ProfilerStep#4', 0n, 9_000n),
        launchEvent(1, 100n),
        kernelEvent({ startNs: 5_000n, durationNs: 40n, name: 'warp_gemm', correlation: 1 }),
        kernelEvent({
          startNs: 5_020n,
          durationNs: 40n,
          name: 'ncclDevKernel_AllReduce',
          stream: 8,
        }),
      ];
      writeFileSync(join(traces, `rank${rank}.json`), trace(events));
    }
    const args = ['analyze', traces, '--kernels', kernels, '--deployment', 'before'];
    const json = await runAfdscope([...args, '--json']);
    expect(json.code).toBe(0);
    expect(JSON.parse(json.stdout)).toMatchObject({
      deployment: 'before',
      balance: null,
      steps: { count: 1 },
      workers: [
        { id: 'colocated/0', computeNs: 40, transferNs: 40, htaOverlapRatio: 0.5 },
        { id: 'colocated/1' },
      ],
      import: { kernels: 4, libraries: [{ kernels: 2 }, { kernels: 2 }], steps: { count: 1 } },
    });
    expect(json.stderr).toContain('2 GPU traces, 8 events: 4 kernels and 0 copies');
    expect(json.stderr).toContain('ours -> expert: 2 kernels, 80 ns (50.0 %)');
    writeFileSync(kernels, 'kernels: [{ match: warp }]');
    const wrong = await runAfdscope(args);
    expect(wrong.code).toBe(1);
    expect(wrong.stderr).toContain('own.yaml: kernels[0]: stage: write a stage');
  });

  test('files that cannot be read', async () => {
    const folder = scratchFolder();
    const missing = await runAfdscope(['analyze', join(folder, 'none.json')]);
    expect(missing.code).toBe(1);
    expect(missing.stderr).toContain('none.json');
    writeFileSync(join(folder, 'broken.json'), '{"resourceSpans": [');
    const broken = await runAfdscope(['analyze', join(folder, 'broken.json')]);
    expect(broken.code).toBe(1);
    expect(broken.stderr).toContain('broken.json');
    expect(broken.stderr).not.toContain('    at '); // no stack
  });
});

describe('post-mortem reports', () => {
  const spec = scenarioSpec('healthy', { layers: 5, attentionWorkers: 3, ffnWorkers: 2 });
  const table = simulateSteps(spec, {
    steps: 12,
    seed: 2,
    faults: { slowRank: { role: 'attention', rank: 1, factor: 1.5 } },
  });

  test('of files: HTML into a file that appears whole, Markdown to stdout', async () => {
    const folder = scratchFolder();
    const file = join(folder, 'steps.pb');
    writeFileSync(file, encodeTracesProtobuf(table));
    const html = join(folder, 'report.html');
    const told = await runAfdscope(['analyze', file, '--html', html, '--md', '-', '--zone', 'UTC']);
    expect(told).toMatchObject({ code: 0, stderr: `wrote ${html}\n` });
    expect(told.stdout).toMatch(/^# Post-mortem: demo\n/);
    expect(told.stdout).toContain('attention/1 is ');
    const page = readFileSync(html, 'utf8');
    expect(page).toMatch(/^<!doctype html>/);
    expect(page).toContain('attention/1');
    expect(page).not.toContain('href="http');
    expect(readdirSync(folder).sort()).toEqual(['report.html', 'steps.pb']);
  });

  test('of a store: the links lead to the configured dashboard', async () => {
    const data = scratchFolder();
    const writer = await openTelemetryWriter({ data });
    await writer.append([batchOf('steps', { events: [table] })]);
    await writer.close();
    const args = ['report', '--data', data, '--md', '-'];
    const told = await runAfdscope(args, { AFDSCOPE_WEB: '127.0.0.1:3999' });
    expect(told.code).toBe(0);
    expect(told.stdout).toContain('http://127.0.0.1:3999/stragglers?d=demo');
    expect(told.stdout).toContain('| retention.raw | 2h |');
    const elsewhere = await runAfdscope([...args, '--url', 'https://scope.example']);
    expect(elsewhere.stdout).toContain('https://scope.example/timeline?d=demo');
    const wrong = await runAfdscope([...args, '--zone', 'Mars']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('--zone: "Mars" is no time zone');
  });

  test.each([
    [['--html', 'a.html', '--json'], '--json is for machines'],
    [['--html', '-', '--md', '-'], 'would be mixed'],
  ])('what cannot be had together is wrong usage: %j', async (args, message) => {
    const told = await runAfdscope(['report', '--data', scratchFolder(), ...args]);
    expect(told).toMatchObject({ code: 2, stdout: '' });
    expect(told.stderr).toContain(message);
  });
});

describe('whatif', () => {
  test('replays files with changes, and says what is wrong with one', async () => {
    const file = join(scratchFolder(), 'steps.pb');
    const spec = scenarioSpec('ffn-bound', { layers: 6 });
    writeFileSync(file, encodeTracesProtobuf(simulateSteps(spec, { steps: 3 })));
    const told = await runAfdscope(['whatif', file, '--set', 'ratio=7A5F', '--set', 'fix=ffn/1']);
    expect(told.code).toBe(0);
    expect(told.stdout).toContain('the replay is 0.0 % off the measured step time');
    expect(told.stdout).toMatch(/^predicted +7A5F, 3 micro-batches/m);
    expect(told.stdout).toMatch(/^tokens per second and GPU [+-]\d+\.\d % \(/m);
    const json = await runAfdscope(['whatif', file, '--json']);
    expect(JSON.parse(json.stdout)).toMatchObject({ steps: 3, changes: [], problem: null });
    const wrong = await runAfdscope(['whatif', file, '--set', 'fix=ffn/9']);
    expect(wrong).toMatchObject({ code: 2, stdout: '' });
    expect(wrong.stderr).toContain('--set: "fix=ffn/9": no such worker; there are attention/0');
    const both = await runAfdscope(['whatif', file, '--data', 'x']);
    expect(both).toMatchObject({ code: 2, stdout: '' });
    const none = await runAfdscope(['whatif', '--data', scratchFolder()]);
    expect(none.code).toBe(1);
    expect(none.stderr).toMatch(/^afdscope: no database at/);
  });
});

describe('doctor', () => {
  const answer = z.object({
    ok: z.boolean(),
    checks: z.array(z.object({ name: z.string(), state: z.string(), detail: z.string() })),
  });

  test('finds a free place good', async () => {
    const { code, stdout } = await runAfdscope(['doctor', '--json'], ownPlaces(scratchFolder()));
    const { ok, checks } = answer.parse(JSON.parse(stdout));
    expect(checks.filter(({ state }) => state === 'failed')).toEqual([]);
    expect(ok).toBe(true);
    expect(code).toBe(0);
    expect(checks.map(({ name }) => name)).toEqual(
      expect.arrayContaining(['Node', 'data folder', 'disk space', 'ports', 'store', 'clock']),
    );
  });

  test('finds the collector that runs, and the port that somebody else has', async () => {
    const dataDir = scratchFolder();
    const collector = await startCollector(dataDir);
    const port = new URL(collector.admin).port;
    const running = await runAfdscope(['doctor'], {
      ...ownPlaces(dataDir),
      AFDSCOPE_ADMIN: `127.0.0.1:${port}`,
    });
    expect(running.stdout).toContain(`answers at ${collector.admin} (process ${collector.pid})`);
    expect(running.code).toBe(0);
    const elsewhere = await runAfdscope(['doctor'], {
      ...ownPlaces(scratchFolder()),
      AFDSCOPE_ADMIN: `127.0.0.1:${port}`,
    });
    expect(elsewhere.code).toBe(1);
    expect(elsewhere.stdout).toMatch(/ports +failed +port \d+ on 127.0.0.1 is taken/);
  });

  test('finds damage in the database, and says what to do', async () => {
    const dataDir = scratchFolder();
    const path = join(dataDir, 'afdscope.db');
    await (await openTelemetryWriter({ data: dataDir })).close();
    const whole = readFileSync(path);
    // A page that no table's root is on, then the one with the schema.
    const pages: [number, RegExp][] = [
      [whole.length - 4096, /the database is damaged \(.*\): move afdscope\.db/s],
      [0, /the file is not a database .*: move afdscope\.db/s],
    ];
    for (const [fromBytes, message] of pages) {
      writeFileSync(path, Buffer.from(whole).fill(0xa5, fromBytes, fromBytes + 4096));
      const { code, stdout } = await runAfdscope(['doctor', '--json'], ownPlaces(dataDir));
      expect(code).toBe(1);
      const store = answer.parse(JSON.parse(stdout)).checks.filter(({ name }) => name === 'store');
      expect(store.filter(({ state }) => state === 'failed').map(({ detail }) => detail)).toEqual([
        expect.stringMatching(message),
      ]);
    }
  });
});
