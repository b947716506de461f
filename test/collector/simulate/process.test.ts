/** The real process, its real exporters, a real receiver. */
import { afterEach, beforeEach, expect, it } from 'vitest';
import type { ClusterStatus } from '#collector/simulate/cluster.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { eventsOf, type PlainEvent } from '#test/lib/pipeline/events-of.ts';
import { OtlpSink, type ReceivedEvent } from './otlp-sink.ts';
import { eventually, SimulatedProcess } from './simulated-process.ts';

const SHAPE = { attentionWorkers: 2, ffnWorkers: 1 };

let sink: OtlpSink;
let url: string;
let cluster: SimulatedProcess;

async function start(...args: string[]): Promise<void> {
  const size = ['--attention', '2', '--ffn', '1', '--seed', '7'];
  cluster = new SimulatedProcess(['--otlp', url, ...size, ...args]);
  await cluster.ready();
}

const status = async () => (await cluster.get('/status')) as ClusterStatus;

beforeEach(async () => {
  sink = new OtlpSink();
  url = await sink.listen();
});

afterEach(async () => {
  cluster.child.kill('SIGKILL');
  await cluster.exited();
  await sink.close();
});

const MEASURES = ['tokens', 'bytes', 'requests', 'contextTokens', 'expertsMeanTokens'] as const;

const nameOf = (event: PlainEvent) =>
  [event.worker, event.stage, event.step, event.layer, event.microbatch, event.peer].join(' ');

it.each([
  ['a span for each event', []],
  ['packed steps', ['--packed']],
])(
  'delivers every event of the simulation, to the nanosecond, two steps of every twenty: %s',
  async (_, flags) => {
    await start('--report-every', '10', ...flags);
    const steps = await eventually('the second pair of steps', () => {
      const seen = new Set(sink.events.map((event) => event.step));
      return seen.has(21) ? [...seen].sort((a, b) => a - b) : null;
    });
    expect(steps.slice(0, 2)).toEqual([0, 1]);
    expect(steps.slice(2, 4)).toEqual([20, 21]);

    const expected = eventsOf(simulateSteps(scenarioSpec('healthy', SHAPE), { steps: 2, seed: 7 }));
    const received = sink.events.filter((event) => event.step < 2);
    expect(received.length).toBe(expected.length);
    const byName = new Map(received.map((event) => [nameOf(event), event]));
    const originUnixNs =
      byName.get(nameOf(expected[0]!))!.startUnixNs - BigInt(expected[0]!.startNs);
    for (const event of expected) {
      const got = byName.get(nameOf(event))!;
      expect(got.startUnixNs - originUnixNs).toBe(BigInt(event.startNs));
      expect(got.durationNs).toBe(event.durationNs);
      expect(got.kind).toBe(event.kind);
      for (const name of MEASURES) expect(got.measure(name)).toBe(event.measure(name));
    }
    // Expert events list what each of the rank's experts got.
    const experts = received.filter(({ stage }) => stage === 'expert');
    const listed = [...new Set(experts.map(({ table }) => table))].flatMap((table) => {
      const { offsets, values } = table.lists.expertTokens!;
      return [...table.stage.keys()]
        .filter((row) => offsets[row + 1]! > offsets[row]! && table.step[row]! < 2)
        .map((row) => values.subarray(offsets[row]!, offsets[row + 1]!));
    });
    expect(listed).toHaveLength(experts.length);
    const listedTokens = listed.map((list) => list.reduce((sum, tokens) => sum + tokens, 0));
    expect(listedTokens.sort()).toEqual(experts.map((event) => event.measure('tokens')).sort());

    const ageMs = Date.now() - Number(originUnixNs / 1_000_000n);
    expect(ageMs).toBeGreaterThan(0);
    expect(ageMs).toBeLessThan(20_000);

    const workers = new Map(received.map(({ worker, table }) => [worker, table.workers]));
    expect([...workers.keys()].sort()).toEqual(['attention/0', 'attention/1', 'ffn/0']);
    const ffn = workers.get('ffn/0')!.find((worker) => worker.role === 'ffn')!;
    expect(ffn).toMatchObject({
      deployment: 'demo',
      host: 'node-1',
      clockDomain: 'node-1',
      sendEnd: 'arrival',
      topology: '2A1F',
      microbatches: 3,
      layers: 61,
      connector: 'simulated',
    });
    expect(ffn.hwId).toMatch(/^GPU-[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/);

    const tables = await eventually('metrics that show work', () => {
      const series = sink.metrics.flatMap((table) => table.series);
      return series.some((one) => one.name.startsWith('gen_ai.')) ? sink.metrics : null;
    });
    const newest = new Map<string, number>();
    for (const table of tables) {
      for (let i = 0; i < table.length; i++) {
        const { workerId, name, type } = table.series[table.seriesIndex[i]!]!;
        const value = table.value[i]!;
        newest.set(`${workerId} ${name}`, type === 'histogram' ? value / table.count[i]! : value);
      }
    }
    expect(newest.get('attention/0 hw.gpu.utilization')).toBeGreaterThan(0.98);
    const dram = (worker: string) => newest.get(`${worker} DCGM_FI_PROF_DRAM_ACTIVE`)!;
    const tensor = (worker: string) => newest.get(`${worker} DCGM_FI_PROF_PIPE_TENSOR_ACTIVE`)!;
    expect(dram('attention/0')).toBeGreaterThan(dram('ffn/0'));
    expect(tensor('ffn/0')).toBeGreaterThan(tensor('attention/0'));
    expect(newest.get('ffn/0 DCGM_FI_PROF_SM_ACTIVE')).toBeGreaterThan(0.5);
    expect(newest.get('ffn/0 DCGM_FI_DEV_POWER_USAGE')).toBeGreaterThan(300);
    expect(newest.get('attention/1 gen_ai.server.time_per_output_token')).toBeCloseTo(0.051, 2);
    expect(sink.problems).toEqual([]);
  },
);

it('switches faults while it runs, hangs, goes on, and changes its scenario', async () => {
  await start('--report-every', '4');
  const experts = (events: ReceivedEvent[]) => events.filter((event) => event.stage === 'expert');
  const meanNs = (events: ReceivedEvent[]) =>
    events.reduce((sum, event) => sum + event.durationNs, 0) / events.length;
  const healthy = await eventually('a step', () => {
    const first = experts(sink.events);
    return first.length > 0 ? first : null;
  });
  expect(meanNs(healthy) / 255_000).toBeCloseTo(1, 1);

  const slowRank = { role: 'ffn', rank: 0, factor: 2 };
  expect((await cluster.putFaults({ slowRank })).status).toBe(200);
  expect(await cluster.get('/faults')).toEqual({ scenario: 'healthy', slowRank });
  const from = (await status()).step + 2;
  const slow = await eventually('a slow step', () => {
    const later = experts(sink.events).filter((event) => event.step >= from);
    return later.length > 0 ? later : null;
  });
  expect(meanNs(slow) / 510_000).toBeCloseTo(1, 1);

  await cluster.putFaults({ hungRank: { role: 'ffn', rank: 0 } });
  const hung = await eventually('the hang', async () => {
    const now = await status();
    return now.hung ? now : null;
  });
  await new Promise((resolve) => setTimeout(resolve, 700));
  const stuck = await status();
  expect(stuck.step).toBe(hung.step);
  await new Promise((resolve) => setTimeout(resolve, 300));
  expect((await status()).spansReported).toBe(stuck.spansReported);
  await cluster.putFaults({});
  await eventually('steps after the hang', async () => {
    const now = await status();
    return !now.hung && now.step > stuck.step + 4;
  });

  await cluster.putFaults({ scenario: 'latency-bound' });
  const restarted = await eventually('workers of the new scenario', () => {
    const two = sink.events.filter((event) =>
      event.table.workers.some((w) => w.microbatches === 2),
    );
    return new Set(two.map((event) => event.incarnation)).size === 3 ? two : null;
  });
  expect(Math.max(...restarted.map((event) => event.microbatch))).toBe(1);
  expect(new Set(sink.events.map((event) => event.incarnation)).size).toBe(6);
  expect(restarted[0]!.step).toBeGreaterThan(stuck.step);
  expect(sink.problems).toEqual([]);
});

it('refuses what it does not understand, and says what to write', async () => {
  await start();
  const cases = [
    [
      '{"slowRank":{"role":"ffn","rank":3,"factor":2}}',
      422,
      'slowRank.rank: ffn ranks go from 0 to 0',
    ],
    ['{"slowRunk":{}}', 422, 'slowRunk'],
    ['{"lostSpans":2}', 422, 'lostSpans'],
    ['{"scenario":"perfect"}', 422, 'latency-bound'],
    ['{"clockOffset":{"target":"node-7","offsetNs":5}}', 422, 'name a host (node-0, node-1)'],
    ['{"hotExpert":{"rank":0,"factor":2,"toLayer":61}}', 422, 'layers go from 0 to 60'],
    ['[]', 422, '(body)'],
    ['{', 400, 'JSON'],
    [`{"x":"${'x'.repeat(70_000)}"}`, 413, '65536'],
  ] as const;
  for (const [body, expected, detail] of cases) {
    const answer = await cluster.put(body);
    expect(answer.status).toBe(expected);
    expect(answer.body.detail).toContain(detail);
  }
  expect((await cluster.put('{}', 'text/plain')).status).toBe(415);
  expect(await cluster.get('/faults')).toEqual({ scenario: 'healthy' });
  expect(await cluster.get('/nothing')).toMatchObject({ status: 404 });
});

it('sends what is queued on SIGTERM and is gone within 3 s', async () => {
  await start('--report-every', '1');
  await eventually('reported spans', async () => (await status()).spansReported > 0);
  const { spansReported } = await status();
  const before = Date.now();
  cluster.child.kill('SIGTERM');
  expect(await cluster.exited()).toBe(0);
  expect(Date.now() - before).toBeLessThan(3000);
  expect(sink.events.length).toBeGreaterThanOrEqual(spansReported);
});

it('says once that nobody listens, goes on when somebody does, and still ends in time', async () => {
  sink.status = 400;
  await start('--report-every', '10');
  await eventually('the complaint', () => cluster.stderr.includes('cannot report to'));
  await eventually('a lost batch', async () => (await status()).spansLost > 0);
  sink.status = 200;
  await eventually('the good news', () => cluster.stderr.includes('takes telemetry again'));
  await eventually('spans', () => sink.events.length > 0);
  expect(cluster.stderr.match(/cannot report to/g)).toHaveLength(1);
  await sink.close();
  const before = Date.now();
  cluster.child.kill('SIGTERM');
  expect(await cluster.exited()).toBe(0);
  expect(Date.now() - before).toBeLessThan(3000);
});

it('ends with its parent', async () => {
  await start();
  cluster.child.stdin?.end();
  expect(await cluster.exited()).toBe(0);
});

it('explains wrong flags and exits with 2', async () => {
  cluster = new SimulatedProcess(['--ffn', 'four', '--scenario', 'perfect']);
  expect(await cluster.exited()).toBe(2);
  expect(cluster.stderr).toContain('--ffn is "four", but must be a whole number from 1 to 512');
  expect(cluster.stderr).toContain('--scenario is "perfect"');
});
