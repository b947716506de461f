/** Traces that others recorded or made, and the figures that their own tools give for them. */
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { intersect, measure, unionOf } from '#lib/base/intervals.ts';
import { readTelemetryFiles } from '#lib/ingest/read-files.ts';
import { Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { Phase } from '#lib/wire/chrome-event.ts';
import { Want } from '#lib/wire/chrome-events.ts';
import { ChromePairs } from '#lib/wire/chrome-pairs.ts';
import { ChromeScanner } from '#lib/wire/chrome-scanner.ts';
import { ChromeTime } from '#lib/wire/chrome-time.ts';

const FIXTURES = resolve(import.meta.dirname, '../../../../shared/fixtures');
const there = existsSync(FIXTURES);

const read = (path: string) => readTelemetryFiles([join(FIXTURES, path)]);
const jsonFiles = (folder: string) =>
  there
    ? readdirSync(join(FIXTURES, folder)).filter(
        (name) => name.endsWith('.json') && name !== 'expected_asserts.json',
      )
    : [];

async function workersOf(path: string) {
  const { events } = await read(path);
  return buildReport({ events, deployment: 'default' }).workers;
}

/** HTA's view: without the last ProfilerStep, starts rounded up and ends down to microseconds. */
function htaSteps(table: EventTable) {
  const last = Math.max(...table.step);
  const toUs = Number(table.baseUnixNs % 1000n);
  const unionWhere = (keep: (kind: number) => boolean) => {
    const starts: number[] = [];
    const ends: number[] = [];
    for (let i = 0; i < table.length; i++) {
      if (table.step[i] === last || !keep(table.kind[i]!)) continue;
      const start = Math.ceil((table.startNs[i]! + toUs) / 1000);
      starts.push(start);
      ends.push(
        Math.max(start, Math.floor((table.startNs[i]! + toUs + table.durationNs[i]!) / 1000)),
      );
    }
    return unionOf(starts, ends);
  };
  const all = unionWhere(() => true);
  const compute = unionWhere((kind) => kind === Kind.compute);
  const communication = unionWhere((kind) => kind === Kind.transfer);
  const spanUs = all.at(-1)! - all[0]!;
  return {
    idleUs: spanUs - measure(all),
    computeUs: measure(compute),
    otherUs: measure(all) - measure(compute),
    spanUs,
    overlapPercent:
      Math.round((10_000 * measure(intersect(compute, communication))) / measure(communication)) /
      100,
  };
}

describe.skipIf(!there)(
  'Holistic Trace Analysis (skipped where ../shared/fixtures is not there)',
  () => {
    it.each([
      ['hta/trace_diff_control', [46.237]],
      ['hta/nccl_parser_config', [15.609]],
      ['hta/trace_filter', [14.946, 19.926]],
    ])('%s: overlap of whole traces', async (path, percents) => {
      const workers = await workersOf(path);
      const found = workers.map(
        ({ htaOverlapRatio }) => Math.round((htaOverlapRatio ?? 0) * 1e5) / 1e3,
      );
      expect(found).toEqual(percents);
    });

    it.each([
      ['hta/trace_diff_control', [[62_119, 234_760, 86_525, 383_404, 47.03]]],
      ['hta/nccl_parser_config', [[338_781, 75_169, 21_636, 435_586, 14.31]]],
    ])('%s: time of its steps', async (path, figures) => {
      const { events } = await read(path);
      const found = events
        .map(htaSteps)
        .map((one) => [
          one.idleUs,
          one.computeUs,
          one.otherUs,
          one.spanUs,
          Math.round(one.overlapPercent * 100) / 100,
        ]);
      expect(found).toEqual(figures.map((one) => [...one.slice(0, 4), expect.closeTo(one[4]!, 1)]));
    });

    it('trace_filter: overlap of its steps', async () => {
      const { events } = await read('hta/trace_filter');
      expect(events.map((table) => htaSteps(table).overlapPercent)).toEqual([11.81, 20.05]);
    });

    it('nccl_parser_config: 21 NCCL kernels', async () => {
      const { recognition } = await read('hta/nccl_parser_config');
      expect(recognition?.libraries.find(({ library }) => library === 'NCCL')?.kernels).toBe(21);
    });

    it('critical_path_simple_add: GPU work that no step holds', async () => {
      const { recognition } = await read('hta/critical_path_simple_add');
      expect(recognition).toMatchObject({ kernels: 79, copies: 19, steps: { count: 0, none: 98 } });
    });

    it('no_gpu: says so, for each file', async () => {
      await expect(read('hta/no_gpu')).rejects.toThrow(
        /no GPU events: 16 CPU events(?:.|\n)*no GPU events: 2,467 CPU events.*record with ProfilerActivity\.CUDA/,
      );
    });
  },
);

describe.skipIf(!there)('TraceLens (skipped where ../shared/fixtures is not there)', () => {
  it.each([
    ['tracelens_decode/vllm_decode_full', 'graph_execution.json.gz'],
    ['tracelens_decode/sglang_decode', 'sglang_Qwen3-8B_decode.json.gz'],
  ])('%s: rows of gpu_timeline.csv', async (folder, name) => {
    const csv = readFileSync(join(FIXTURES, folder, 'perf_csvs/gpu_timeline.csv'), 'utf8');
    const expected = new Map(
      csv
        .trim()
        .split('\n')
        .slice(1)
        .map((line) => {
          const [type = '', ms = ''] = line.split(',');
          return [type, Number(ms)];
        }),
    );
    const [worker] = await workersOf(`${folder}/${name}`);
    const { bubble, ...lengths } = worker!;
    const busyNs = lengths.computeNs + bubble.exposedTransferNs + bubble.copyNs;
    const rows = {
      computation_time: lengths.computeNs,
      exposed_comm_time: bubble.exposedTransferNs,
      exposed_memcpy_time: bubble.copyNs,
      busy_time: busyNs,
      idle_time: lengths.windowNs - busyNs,
      total_time: lengths.windowNs,
      total_comm_time: lengths.transferNs,
      total_memcpy_time: lengths.copyNs,
    };
    // TraceLens adds doubles of 10^12 us, whose steps are 2^-12 us or more.
    for (const [type, ns] of Object.entries(rows)) {
      expect([type, ns / 1e6]).toEqual([type, expect.closeTo(expected.get(type)!, 4)]);
    }
  });
});

describe.skipIf(!there)('Kineto inline (skipped where ../shared/fixtures is not there)', () => {
  /** Sum of durations by step and kind, in us. Only GPU rows of upstream's assertions are ours. */
  const costs = async (name: string) => {
    const { events } = await read(`kineto_inline/${name}.json_content.json`);
    const sums: Record<string, number> = {};
    for (const table of events) {
      for (let i = 0; i < table.length; i++) {
        const key = `${table.step[i]} ${table.kind[i] === Kind.copy ? 'copy' : 'kernel'}`;
        sums[key] = (sums[key] ?? 0) + table.durationNs[i]! / 1000;
      }
    }
    return sums;
  };

  it.each([
    ['test_no_profilerstep', { '-1 kernel': 100 }],
    ['test_multiple_profilersteps_no_overlap', { '1 copy': 40, '2 kernel': 200 }],
    // The kernel of 90 us has no launch in the trace: upstream leaves it out of its steps, here the
    // step during which it starts has it.
    [
      'test_multiple_profilersteps_with_overlap',
      { '1 copy': 100, '2 kernel': 200, '1 kernel': 90 },
    ],
    ['test_last_steps_no_kernel', { '-1 kernel': 20, '1 kernel': 180 }],
  ])('%s', async (name, sums) => {
    expect(await costs(name)).toEqual(sums);
  });

  it('test_gpu_utilization: GPU 1, busy for 60 of 120 us', async () => {
    const { events, recognition } = await read(
      'kineto_inline/test_gpu_utilization.json_content.json',
    );
    expect(recognition).toMatchObject({ kernels: 5 });
    const [worker] = buildReport({ events, deployment: 'default' }).workers;
    expect(worker?.computeNs).toBe((40 + 20) * 1000);
  });

  it.each([
    [0, 2],
    [1, 2],
  ])('test_distributed_nccl %i: two NCCL kernels', async (rank, kernels) => {
    const { recognition } = await read(
      `kineto_inline/test_distributed_nccl.json_content${rank}.json`,
    );
    expect(recognition?.libraries).toEqual([expect.objectContaining({ library: 'NCCL', kernels })]);
  });

  it.each(['test_pure_cpu.json_content', 'test_distributed_gloo_cpu.json_content0'])(
    '%s: no GPU events',
    async (name) => {
      await expect(read(`kineto_inline/${name}.json`)).rejects.toThrow(
        /no GPU events: \d+ CPU events/,
      );
    },
  );
});

describe.skipIf(!there)('speedscope (skipped where ../shared/fixtures is not there)', () => {
  it.each(jsonFiles('speedscope_te'))(
    '%s has no GPU events, and is read to its end',
    async (name) => {
      await expect(read(`speedscope_te/${name}`)).rejects.toThrow(
        /no GPU events: \d+ (?:CPU event|slice|event)s? ?.*; record with ProfilerActivity\.CUDA/,
      );
      await expect(read(`speedscope_te/${name}`)).rejects.not.toThrow(/damaged|truncated/);
    },
  );
});

/** All slices of a trace, whatever their category: start and duration in ns, and name. */
function slicesOf(path: string): string[] {
  const found: string[] = [];
  const pairs = new ChromePairs();
  const time = new ChromeTime();
  const tracks = new Map<string, number>();
  let baseUs: number | null = null;
  const nanos = (start: number, end: number, bytes: Uint8Array, fromUs: number) =>
    start >= 0 && time.read(bytes, start, end) ? (time.us - fromUs) * 1000 + time.ns : null;
  /** A double holds offsets exactly, not unix times. */
  const told = (startNs: number, durationNs: number, name: string) =>
    `${BigInt(baseUs ?? 0) * 1000n + BigInt(startNs)},${durationNs},"${name}"`;
  const scanner: ChromeScanner = new ChromeScanner({
    wants: () => Want.all,
    wantsName: () => true,
    wantedMembers: new Set(),
    member: () => undefined,
    event: (event) => {
      if (baseUs === null && time.read(event.bytes, event.timeStart, event.timeEnd)) {
        baseUs = time.us;
      }
      const startNs = nanos(event.timeStart, event.timeEnd, event.bytes, baseUs ?? 0);
      if (startNs === null) return;
      const name = event.name < 0 ? '' : scanner.events.names.text(event.name);
      if (event.phase === Phase.complete) {
        const durationNs = nanos(event.durationStart, event.durationEnd, event.bytes, 0);
        if (durationNs !== null) found.push(told(startNs, durationNs, name));
        return;
      }
      const isAsync = event.phase === Phase.asyncBegin || event.phase === Phase.asyncEnd;
      const isEnd = event.phase === Phase.end || event.phase === Phase.asyncEnd;
      if (!isEnd && event.phase !== Phase.begin && event.phase !== Phase.asyncBegin) return;
      const key = isAsync
        ? `${event.category} ${event.raw(event.idStart, event.idEnd)}`
        : `${event.raw(event.pidStart, event.pidEnd)} ${event.raw(event.tidStart, event.tidEnd)}`;
      const track = tracks.get(key) ?? tracks.size;
      tracks.set(key, track);
      pairs.add(isEnd, track, event.name, event.category, startNs, 0);
    },
  });
  scanner.push(readFileSync(path));
  const slices = pairs.slices();
  for (let i = 0; i < slices.length; i++) {
    const name = scanner.events.names.text(slices.name[i]!);
    found.push(told(slices.startNs[i]!, slices.durationNs[i]!, name));
  }
  return found.sort();
}

describe.skipIf(!there)('Perfetto (skipped where ../shared/fixtures is not there)', () => {
  // Rows that begin with ts, dur and name. What the others expect is not read here: order of arguments,
  // values of counters, thread states and scheduling (phase T), sort index hints, thread times (tts),
  // and Perfetto's own log of overlapping events, which keep their times here. test_json_async and
  // test_json_id2 ask for slices of threads, which async ones are not; test_json_flow's one row is a
  // begin event that nothing ends.
  it.each([
    'test_string_ts_and_dur',
    'test_json_trailing_comma',
    'test_invalid_string_ts_and_dur',
    'test_json_pid_tid_zero',
    'test_json_metadata',
    'test_string_pid_tid',
  ])('%s: times and names', (name) => {
    const csv = readFileSync(join(FIXTURES, 'perfetto_json', `${name}.expected.csv`), 'utf8');
    const [header = '', ...lines] = csv.trim().split('\n');
    const columns = header.replaceAll('"', '').split(',');
    const at = (column: string) => columns.indexOf(column);
    const expected = lines
      .map((line) => line.split(','))
      .map((cells) => `${cells[at('ts')]},${cells[at('dur')]},${cells[at('name')]}`);
    expect(slicesOf(join(FIXTURES, 'perfetto_json', `${name}.json`))).toEqual(expected.sort());
  });

  it.each([
    ['test_json_id2_local_int_id', '1750244461563845000,167000,"write"'],
    ['test_json_id2_global_string_id', '4000000,100000,"AsyncId2GlobalString"'],
  ])('%s: async slices', (name, slice) => {
    expect(slicesOf(join(FIXTURES, 'perfetto_json', `${name}.json`))).toEqual([slice]);
  });

  it('test_json_incomplete and test_trailing_empty_event: what is there', () => {
    const starts = (name: string) => slicesOf(join(FIXTURES, 'perfetto_json', `${name}.json`));
    expect(starts('test_json_incomplete')).toEqual(['4619295550000,8000000,"typecheck"']);
    expect(starts('test_trailing_empty_event')).toEqual(['1000,2000,"real_event"']);
  });

  it.each(jsonFiles('perfetto_json'))('%s has no GPU events', async (name) => {
    await expect(read(`perfetto_json/${name}`)).rejects.toThrow(/no GPU events/);
  });
});
