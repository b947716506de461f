import { gzipSync, zstdCompressSync } from 'node:zlib';
import fc from 'fast-check';
import { afterAll, describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { builtInKernels } from '#lib/ingest/kernel-table-file.ts';
import { readKinetoFiles } from '#lib/ingest/kineto-threads.ts';
import { readTelemetryFiles } from '#lib/ingest/read-files.ts';
import { kernelEvent, launchEvent, rangeEvent, trace, us } from '#test/support/kineto-events.ts';
import { readTrace, removeTraces, rowsOf, traceFile } from '#test/support/kineto-rows.ts';

afterAll(removeTraces);

const BASE = 1_711_964_646_000_000_000n;

describe('times', () => {
  it('are exact to the nanosecond, wherever the base time is and however the file is packed', async () => {
    const kernels = fc.array(
      fc.record({
        startNs: fc.bigInt(0n, 10n ** 15n),
        durationNs: fc.bigInt(0n, 10n ** 10n),
        device: fc.integer({ min: 0, max: 3 }),
      }),
      { minLength: 1, maxLength: 12 },
    );
    const pack = fc.constantFrom<(text: string) => string | Uint8Array>(
      (text) => text,
      (text) => gzipSync(text),
      (text) => zstdCompressSync(text),
    );
    await fc.assert(
      fc.asyncProperty(kernels, fc.boolean(), pack, async (made, first, packed) => {
        const events = made.map((one) => kernelEvent({ ...one, name: 'gemm' }));
        const array = `"traceEvents": [${events.join(',')}]`;
        const base = `"baseTimeNanoseconds": ${BASE}`;
        const text = first ? `{${base}, ${array}}` : `{${array}, ${base}}`;
        const rows = rowsOf(await readTrace(packed(text)));
        expect(rows.map(({ startNs }) => startNs)).toEqual(made.map((one) => BASE + one.startNs));
        expect(rows.map(({ durationNs }) => durationNs)).toEqual(made.map((one) => one.durationNs));
      }),
      { numRuns: 60 },
    );
  });

  it('may be strings, in pairs of begin and end events, and out of order', async () => {
    const pair = (ph: string, ts: string, name: string) =>
      `{"ph": "${ph}", "cat": "kernel", "name": "${name}", "pid": 0, "tid": "stream 7", "ts": ${ts}}`;
    const events = [
      pair('E', '"1661203462598738.123"', 'gemm'),
      pair('B', '1661203462598730', 'gemm'),
      pair('E', '1661203462598735', 'lost'),
      pair('B', '1661203462598731', 'inner'),
      pair('B', '1661203462598731', 'open'),
    ];
    const found = await readTrace(`[${events.join(',')}`);
    expect(rowsOf(found)).toMatchObject([
      { stage: 'gemm', startNs: 1_661_203_462_598_730_000n, durationNs: 8_123n },
    ]);
    expect(found.recognition?.files[0]?.problems).toEqual(
      [
        'mis-nested end event',
        'left out: 1 end event without a begin event of the same name',
        'left out: 2 begin events without an end event',
      ].map((sentence) => expect.stringContaining(sentence)),
    );
  });

  it('that cannot be read leave their event out, counted', async () => {
    const good = kernelEvent({ startNs: 5_000n, durationNs: 7n, name: 'a' });
    const found = await readTrace(
      `[${good}, ${good.replace('"ts": 5.000', '"ts": "soon"')}, ${good.replace('"ts": 5.000', '"ts": 9e18')}, ${good.replace('"dur": 0.007', '"dur": -1')}, ${good.replace('"dur"', '"tdur"')}]`,
    );
    expect(rowsOf(found)).toHaveLength(1);
    expect(found.recognition?.leftOut).toContainEqual(
      expect.objectContaining({ what: 'events without a time that can be read', count: 4 }),
    );
  });
});

describe('steps, layers and micro-batches', () => {
  const events = [
    rangeEvent('ProfilerStep#7', 0n, 1_000_000n),
    rangeEvent('model.layers.3', 100_000n, 200_000n),
    rangeEvent('ubatch 1', 150_000n, 50_000n),
    rangeEvent('layers.4.mlp', 400_000n, 100_000n, { tid: 101 }),
    rangeEvent('ProfilerStep#8', 1_000_000n, 1_000_000n),
    rangeEvent('model.layers.3', 0n, 9_000_000n, {
      category: 'gpu_user_annotation',
      pid: 0,
      tid: 20,
    }),
    launchEvent(1, 160_000n),
    launchEvent(2, 250_000n),
    launchEvent(3, 450_000n, 101),
    launchEvent(4, 5_000_000n),
    kernelEvent({ startNs: 1_500_000n, durationNs: 10n, name: 'void a<int>(int)', correlation: 1 }),
    kernelEvent({ startNs: 1_500_100n, durationNs: 10n, name: 'void a<int>(int)', correlation: 2 }),
    kernelEvent({ startNs: 1_500_200n, durationNs: 10n, name: 'ns::b(float*)', correlation: 3 }),
    kernelEvent({ startNs: 1_500_300n, durationNs: 10n, name: 'c', correlation: 4 }),
    kernelEvent({ startNs: 1_500_400n, durationNs: 10n, name: 'd', correlation: 99 }),
    kernelEvent({ startNs: 1_500_500n, durationNs: 10n, name: 'e', stream: 20 }),
  ];

  it('come from the range that launched a kernel, else from its own stream or its time', async () => {
    for (const order of [events, [...events].reverse()]) {
      const found = await readTrace(trace(order));
      const rows = rowsOf(found).sort((a, b) => Number(a.startNs - b.startNs));
      expect(
        rows.map(({ stage, step, layer, microbatch }) => [stage, step, layer, microbatch]),
      ).toEqual([
        ['a', 7, 3, 1],
        ['a', 7, 3, -1],
        ['expert', 7, 4, -1],
        ['c', -1, -1, -1],
        ['d', 8, -1, -1],
        ['e', 8, 3, -1],
      ]);
      expect(found.recognition?.steps).toEqual({
        count: 2,
        annotations: 2,
        byLaunch: 3,
        byGpuRange: 0,
        byTime: 2,
        none: 1,
      });
      expect(found.recognition?.layers).toMatchObject({ count: 2, byLaunch: 3, byGpuRange: 1 });
      expect(found.recognition?.microbatches).toMatchObject({
        count: 1,
        annotations: 1,
        byLaunch: 1,
      });
    }
  });

  it('are numbered in order where ranges have no number', async () => {
    const found = await readTrace(
      trace([
        rangeEvent('execute_8_context_0(x)_generation_8(y)', 2_000n, 900n),
        rangeEvent('execute_8_context_2(x)_generation_6(y)', 0n, 900n),
        kernelEvent({ startNs: 100n, durationNs: 1n, name: 'a' }),
        kernelEvent({ startNs: 2_100n, durationNs: 1n, name: 'a' }),
      ]),
    );
    expect(rowsOf(found).map(({ step }) => step)).toEqual([0, 1]);
    expect([...found.events[0]!.phase]).toEqual([2, 0]);
  });
});

describe('workers', () => {
  const one = (device = 0, at = 0n) =>
    kernelEvent({ startNs: at, durationNs: 100n, name: 'a', device });
  const workers = async (named: Readonly<Record<string, string>>) => {
    const paths: string[] = [];
    for (const [name, text] of Object.entries(named)) paths.push(await traceFile(text, name));
    const found = await readTelemetryFiles(paths);
    return found.recognition?.files.map(
      ({ workers: ids, rankFrom }) => `${ids.join(' ')} (${rankFrom})`,
    );
  };

  it('have the rank that the file says, else its name, else its place', async () => {
    expect(
      await workers({
        'w-9.json': trace([one()], { distributedInfo: { backend: 'nccl', rank: 7 } }),
        'host_rank_12.1234567.pt.trace.json': trace([one()]),
        'run-2.json': trace([one()]),
        'unnamed.json': trace([one()]),
      }),
    ).toEqual([
      'colocated/7 (distributedInfo)',
      'colocated/12 (file name)',
      'colocated/2 (file name)',
      'colocated/3 (order of the files)',
    ]);
  });

  it('are one for each GPU of a file', async () => {
    expect(
      await workers({
        'two-rank0.json': trace([one(4), one(6)]),
        'two-rank1.json': trace([one(6, 900n), one(4, 900n)]),
      }),
    ).toEqual(['colocated/0 colocated/1 (file name)', 'colocated/2 colocated/3 (file name)']);
  });

  it('are told apart by order where two files claim one rank for one time', async () => {
    const same = { distributedInfo: { rank: 0 } };
    expect(
      await workers({ 'same-a.json': trace([one()], same), 'same-b.json': trace([one()], same) }),
    ).toEqual(['colocated/0 (order of the files)', 'colocated/1 (order of the files)']);
    expect(
      await workers({
        'later-a.json': trace([one(0, 0n)], same),
        'later-b.json': trace([one(0, 5_000n)], same),
      }),
    ).toEqual(['colocated/0 (distributedInfo)', 'colocated/0 (distributedInfo)']);
  });
});

describe('the report', () => {
  it('of colocated workers has no balance, and overlap as defined', async () => {
    const found = await readTrace(
      trace([
        kernelEvent({ startNs: 0n, durationNs: 100n, name: 'gemm' }),
        kernelEvent({
          startNs: 50n,
          durationNs: 200n,
          name: 'ncclDevKernel_AllGather',
          stream: 20,
        }),
        kernelEvent({
          startNs: 300n,
          durationNs: 50n,
          name: 'Memcpy DtoH',
          category: 'gpu_memcpy',
        }),
        kernelEvent({ startNs: 400n, durationNs: 100n, name: 'gemm' }),
      ]),
    );
    const report = buildReport({ events: found.events, deployment: 'default' });
    expect(report.balance).toBeNull();
    expect(report.workers[0]).toMatchObject({
      id: 'colocated/0',
      windowNs: 500,
      computeNs: 200,
      transferNs: 200,
      copyNs: 50,
      overlapNs: 50,
      bubbleNs: 300,
      htaOverlapRatio: 0.25,
    });
  });
});

describe('files that are not whole', () => {
  const good = kernelEvent({ startNs: 5_000n, durationNs: 7n, name: 'a' });

  it.each([
    ['[', /no trace events/],
    [
      trace([rangeEvent('aten::add', 0n, 5n, { category: 'cpu_op' })]),
      /no GPU events: 1 CPU event \(1 cpu_op\); record with ProfilerActivity\.CUDA/,
    ],
    ['{"version": 1}', /no traceEvents and no resourceSpans.*\(its keys are version\)/],
    ['{"version" 1}', /neither JSON|malformed JSON/],
  ])('%s is refused with what is wrong', async (text, message) => {
    await expect(readTrace(text)).rejects.toThrow(message);
  });

  it.each([
    [`{"traceEvents": [${good}, {"ph": "X", "na`, /truncated: the file ends inside of an event/],
    [`{"traceEvents": [${good}`, /truncated: the file ends inside of traceEvents/],
    [`{"traceEvents": [${good}, {ph}]}`, /damaged at byte \d+/],
    [
      gzipSync(`[${good}${' '.repeat(200_000)}]`).subarray(0, -20),
      /the gzip data is cut off or damaged/,
    ],
  ])('%j is read in part, and says so', async (content, message) => {
    const found = await readTrace(content);
    expect(rowsOf(found)).toHaveLength(1);
    expect(found.recognition?.files[0]?.problems.join('; ')).toMatch(message);
  });

  it('count flows that have one end only', async () => {
    const flow = (ph: string, id: number | string) =>
      `{"ph": "${ph}", "id": ${JSON.stringify(id)}, "pid": 0, "tid": 7, "ts": 5, "cat": "ac2g", "name": "ac2g"}`;
    const found = await readTrace(
      trace([good, flow('s', 1), flow('f', 1), flow('s', 70_000), flow('f', '0xa'), flow('f', 3)]),
    );
    expect(found.recognition?.leftOut).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ what: 'ac2g flows without an end', count: 1 }),
        expect.objectContaining({ what: 'ac2g flows without a start', count: 2 }),
      ]),
    );
  });

  it('never crash a reader, whatever bytes are changed', async () => {
    const text = trace(
      [
        rangeEvent('ProfilerStep#1', 0n, 9_000n),
        launchEvent(1, 100n),
        kernelEvent({ startNs: 5_000n, durationNs: 7n, name: 'a', correlation: 1 }),
        good,
      ],
      { distributedInfo: { rank: 1 }, baseTimeNanoseconds: BASE },
    );
    const bytes = Buffer.from(text);
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 5 }),
        async (changes) => {
          const changed = Buffer.from(bytes);
          for (const [at, byte] of changes) changed[at] = byte;
          const found = await readTrace(changed).catch((error: unknown) => {
            expect(error).toMatchObject({ name: 'TelemetryFileError' });
            return null;
          });
          if (found !== null) buildReport({ events: found.events, deployment: 'default' });
        },
      ),
      { numRuns: 200 },
    );
  });
});

describe('threads', () => {
  it('read what one thread reads', async () => {
    const padding = `"pad": "${'x'.repeat(40_000_000)}"`;
    const paths = await Promise.all(
      [0, 1].map((rank) =>
        traceFile(
          `{"distributedInfo": {"rank": ${rank}}, ${padding}, "traceEvents": [${kernelEvent({ startNs: BigInt(rank), durationNs: 9n, name: `k${rank}` })}]}`,
          `thread-${rank}.json`,
        ),
      ),
    );
    const tasks = paths.map((path, fileIndex) => ({ path, fileIndex }));
    const [alone, together] = [
      await readKinetoFiles(tasks, builtInKernels(), 1),
      await readKinetoFiles(tasks, builtInKernels(), 2),
    ];
    expect(together).toEqual(alone);
    expect(us(BASE)).toBe('1711964646000000.000');
  });
});
