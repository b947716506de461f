import { type Table, tableFromIPC } from 'apache-arrow';
import fc from 'fast-check';
import { describe, expect, test, vi } from 'vitest';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { readTelemetryFile } from '#lib/ingest/read-files.ts';
import { analyzeFiles } from '#lib/query/analyze-files.ts';
import { report } from '#lib/query/report.ts';
import { Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import { asFile, EXPORT_NOW, exportBytes, storeOf } from '#test/support/export-file.ts';
import { keptSteps } from '#test/support/kept-steps.ts';
import { wildTables } from '#test/support/random-tables.ts';
import { skewedCluster } from '#test/support/skewed-cluster.ts';
import { eventRows } from '#test/support/table-rows.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';
import { tinyWorlds } from '#test/support/tiny-worlds.ts';

vi.setConfig({ testTimeout: 120_000 });

const RUNS = { numRuns: 30 };

/** A cluster of six hosts with clocks up to 3 ms apart that drift. */
const cluster = skewedCluster(7, { steps: 8, offsetNs: 3e6, driftPpm: 40 });
const at = (table: EventTable, share: number): string => {
  const last = table.startNs.reduce((a, b) => Math.max(a, b), 0);
  return String(table.baseUnixNs + BigInt(Math.round(last * share)));
};

/** The table in pieces, as requests bring it. */
function inPieces(table: EventTable, pieces: number): EventTable[] {
  return Array.from({ length: pieces }, (_, p) => {
    const rows = Uint32Array.from(
      { length: Math.ceil((table.length - p) / pieces) },
      (_, i) => p + i * pieces,
    );
    return selectRows(table, rows);
  }).filter(({ length }) => length > 0);
}

describe('OTLP JSON', () => {
  test('of any events: the same columns come back, bit for bit', async () => {
    await fc.assert(
      fc.asyncProperty(wildTables, async (wild) => {
        const tables = wild.map(asReceived);
        const store = await storeOf(tables);
        const seen = (await store.deployments()).map(({ deployment }) => deployment);
        for (const deployment of seen) {
          const bytes = await exportBytes(store, { format: 'otlp-json', deployment });
          const read = await asFile(bytes, (path) => readTelemetryFile(path));
          const own = tables.map((table) => ofDeployment(table, deployment));
          expect(read.rejectedMessages).toEqual([]);
          expect(rowsOf(read.events)).toEqual(rowsOf(own));
        }
      }),
      RUNS,
    );
  });

  test('and of a Chrome trace, whatever it was cut and aligned to', async () => {
    await fc.assert(
      fc.asyncProperty(wildTables, async (wild) => {
        const tables = wild.map(asReceived).map((table) => ofDeployment(table, 'prod'));
        fc.pre(tables.some(({ length }) => length > 0));
        const store = await storeOf(tables);
        const bytes = await exportBytes(store, { format: 'chrome', deployment: 'prod' });
        const read = await asFile(bytes, (path) => readTelemetryFile(path));
        expect(read.rejectedMessages).toEqual([]);
        expect(rowsOf(read.events)).toEqual(rowsOf(tables));
      }),
      RUNS,
    );
    const { spec, reported } = cluster;
    const asked = { format: 'chrome', deployment: spec.deployment };
    const bytes = await exportBytes(await storeOf([reported]), asked);
    const read = await asFile(bytes, (path) => readTelemetryFile(path));
    const [came, sent] = [rowsOf(read.events), rowsOf([reported])];
    expect(came).toHaveLength(sent.length);
    expect(came.find((row, i) => row !== sent[i])).toBeUndefined();
    // Half of it is half an import, and says so; what was changed is named.
    const half = bytes.subarray(0, bytes.lastIndexOf('\n', bytes.length / 2));
    const partial = await asFile(half, (path) => readTelemetryFile(path));
    expect(partial.rejectedMessages[0]).toMatch(/cut off: its first \d+ events were read/);
    expect(partial.received).toBeGreaterThan(1000);
    const changed = bytes.toString().replace('"kind":"compute"', '"kind":"computing"');
    await expect(asFile(Buffer.from(changed), (path) => readTelemetryFile(path))).rejects.toThrow(
      /line \d+: "computing" is not known; this trace was changed since afdscope wrote it/,
    );
  });

  test('of a window, whose report is then the same as that of the store, clocks included', async () => {
    const { spec, reported } = cluster;
    const store = await storeOf(inPieces(reported, 5));
    const { deployment } = spec;
    for (const [from, to] of [
      [0.3, 0.6],
      [0.5, 0.52],
      [0.9, 1.2],
    ] as const) {
      const window = { from: at(reported, from), to: at(reported, to) };
      const bytes = await exportBytes(store, { format: 'otlp-json', deployment, ...window });
      const stored = await report(store, { deployment, ...window }, EXPORT_NOW);
      const read = await asFile(bytes, (path) => analyzeFiles([path], window, EXPORT_NOW));
      expect(stored.clock?.domains.some(({ offsetNs }) => offsetNs !== 0)).toBe(true);
      expect(read.report).toEqual(stored);
      expect(read.files.received).toBeLessThan(reported.length);
    }
  });

  test('of packed steps: their events as spans, and the same report', async () => {
    const { spec, reported } = cluster;
    const { deployment } = spec;
    const store = await storeOf([]);
    store.unpacker = new PackedUnpacker();
    await store.append([batchOf('packed', { packed: keptSteps(reported) })]);
    const bytes = await exportBytes(store, { format: 'otlp-json', deployment });
    const stored = await report(store, { deployment }, EXPORT_NOW);
    const read = await asFile(bytes, (path) => analyzeFiles([path], {}, EXPORT_NOW));
    expect(read.report).toEqual(stored);
    const [came, sent] = [rowsOf(read.files.events), rowsOf([reported])];
    expect(came).toHaveLength(sent.length);
    expect(came.find((row, i) => row !== sent[i])).toBeUndefined();
  });

  test('of tiny worlds with holes, any window', async () => {
    await fc.assert(
      fc.asyncProperty(
        tinyWorlds,
        fc.nat(100),
        fc.integer({ min: 1, max: 100 }),
        async (...given) => {
          const [table, fromShare, length] = given;
          fc.pre(table.length > 0);
          const store = await storeOf([table]);
          const deployment = table.workers[0]!.deployment;
          const window = {
            from: at(table, fromShare / 100),
            to: String(BigInt(at(table, (fromShare + length) / 100)) + 1n),
          };
          const bytes = await exportBytes(store, { format: 'otlp-json', deployment, ...window });
          const stored = await report(store, { deployment, ...window }, EXPORT_NOW);
          const read = await asFile(bytes, (path) =>
            analyzeFiles([path], { ...window, deployment }, EXPORT_NOW).catch(String),
          );
          fc.pre(typeof read !== 'string' || bytes.length > 0);
          expect(typeof read === 'string' ? read : read.report).toEqual(stored);
        },
      ),
      RUNS,
    );
  });
});

describe('rows with aligned and raw times', () => {
  const { spec, right, reported } = cluster;
  const { deployment } = spec;

  test('CSV and Arrow say the same of every event, in the order of time', async () => {
    const store = await storeOf(inPieces(reported, 3));
    const text = (await exportBytes(store, { format: 'csv', deployment })).toString();
    const arrow = tableFromIPC(await exportBytes(store, { format: 'arrow', deployment }));
    const lines = text.split('\r\n');
    expect(lines.pop()).toBe('');
    const header = lines.shift()!.split(',');
    expect(lines).toHaveLength(reported.length);
    expect(arrow.numRows).toBe(reported.length);
    const csv = lines.map((line) => line.split(','));
    const column = (name: string) => csv.map((cells) => cells[header.indexOf(name)]!);
    // The raw columns are the senders'.
    const [workers, rawLengths] = [column('worker'), column('raw_duration_ns')];
    const raw = column('raw_start_unix_ns').map((start, i) => [workers[i], start, rawLengths[i]]);
    expect(raw.map(String).sort()).toEqual(rawOf(reported).map(String).sort());
    const starts = column('start_unix_ns').map(BigInt);
    expect(starts.every((start, i) => i === 0 || start >= starts[i - 1]!)).toBe(true);
    expect(int64(arrow, 'start')).toEqual(starts);
    expect(int64(arrow, 'raw_start')).toEqual(column('raw_start_unix_ns').map(BigInt));
    for (const [name, own] of [
      ['duration_ns', 'duration_ns'],
      ['raw_duration_ns', 'raw_duration_ns'],
    ] as const) {
      expect(int64(arrow, name)).toEqual(column(own).map(BigInt));
    }
    for (const name of [
      'worker',
      'host',
      'stage',
      'kind',
      'step',
      'layer',
      'microbatch',
      'tokens',
    ]) {
      const values = [...arrow.getChild(name)!].map((value) =>
        value === null ? '' : String(value),
      );
      expect(values).toEqual(column(name));
    }
    // Aligned: far nearer to the truth than what was reported.
    const offMost = Math.max(
      ...starts.map((start, i) => Math.abs(Number(start - trueStart(csv[i]!, header)))),
    );
    expect(offMost).toBeLessThan(400_000);
  });

  test('lists, measures and texts that need quotes', async () => {
    await fc.assert(
      fc.asyncProperty(wildTables, async (tables) => {
        const own = tables.map((table) => ofDeployment(table, 'prod'));
        fc.pre(own.some(({ length }) => length > 0));
        const named = own.map((table) => ({ ...table, stageNames: table.stageNames.map(odd) }));
        const store = await storeOf(named);
        const asked = { deployment: 'prod' };
        const text = (await exportBytes(store, { format: 'csv', ...asked })).toString();
        const arrow = tableFromIPC(await exportBytes(store, { format: 'arrow', ...asked }));
        const wanted = named.flatMap((table) =>
          Array.from({ length: table.length }, (_, i) => {
            const { tokens } = table.measures;
            const { peers } = table.lists;
            return JSON.stringify([
              table.stageNames[table.stage[i]!],
              tokens === null || tokens[i] === -1 ? '' : String(tokens[i]),
              peers === null
                ? ''
                : [...peers.values.subarray(peers.offsets[i], peers.offsets[i + 1])].join(' '),
            ]);
          }),
        );
        const [header, ...rows] = parseCsv(text);
        const of = (row: string[]) =>
          ['stage', 'tokens', 'peers'].map((name) => row[header!.indexOf(name)]);
        expect(rows.map((row) => JSON.stringify(of(row))).sort()).toEqual(wanted.sort());
        const columns = ['stage', 'tokens', 'peers'].map((name) => [...arrow.getChild(name)!]);
        const seen = columns[0]!.map((stage, i) =>
          JSON.stringify([
            stage,
            columns[1]![i] === null ? '' : String(columns[1]![i]),
            [...columns[2]![i]].join(' '),
          ]),
        );
        expect(seen.sort()).toEqual(wanted.sort());
      }),
      RUNS,
    );
  });

  test('a selection of workers, stages and time', async () => {
    const store = await storeOf([reported]);
    const window = { from: at(reported, 0.25), to: at(reported, 0.5) };
    const text = await exportBytes(store, {
      format: 'csv',
      deployment,
      ...window,
      workers: 'attention/1,ffn/0',
      options: { stages: 'attention,expert' },
    });
    const lines = text.toString().split('\r\n').slice(1, -1);
    expect(lines.length).toBeGreaterThan(20);
    const kinds = new Set(lines.map((line) => line.split(',')[0] + line.split(',')[10]!));
    expect([...kinds].sort()).toEqual(['attention/1attention', 'ffn/0expert']);
    for (const line of lines) {
      const cells = line.split(',');
      const start = BigInt(cells[6]!);
      expect(start < BigInt(window.to) && start + BigInt(cells[7]!) > BigInt(window.from)).toBe(
        true,
      );
    }
  });

  function rawOf(table: EventTable): unknown[][] {
    return Array.from({ length: table.length }, (_, i) => [
      workerId(table.workers[table.worker[i]!]!),
      table.baseUnixNs + BigInt(table.startNs[i]!),
      table.durationNs[i],
    ]);
  }

  /** When it really started: the simulation's row of the same worker, stage and key. */
  const truth = new Map(
    Array.from({ length: right.length }, (_, i) => [
      [
        workerId(right.workers[right.worker[i]!]!),
        right.stageNames[right.stage[i]!],
        right.step[i],
        right.layer[i] === -1 ? '' : right.layer[i],
        right.microbatch[i] === -1 ? '' : right.microbatch[i],
        right.peer[i] === -1 ? '' : right.peer[i],
      ].join(),
      right.baseUnixNs + BigInt(right.startNs[i]!),
    ]),
  );
  function trueStart(cells: readonly string[], header: readonly string[]): bigint {
    const of = (name: string) => cells[header.indexOf(name)]!;
    const key = ['worker', 'stage', 'step', 'layer', 'microbatch', 'peer'].map(of).join();
    return truth.get(key)!;
  }
});

function int64(table: Table, name: string): bigint[] {
  return table.getChild(name)!.data.flatMap(({ values }) => [...(values as BigInt64Array)]);
}

/** Stages that the schema does not know may be called anything. */
function odd(name: string): string {
  return name === 'mystery' ? 'a "b",\r\nc' : name;
}

/** RFC 4180, by hand: a field ends at a comma or line break that no quotes hold. */
function parseCsv(text: string): string[][] {
  const rows: string[][] = [];
  let row: string[] = [];
  for (const match of text.matchAll(/(?:"((?:[^"]|"")*)"|([^",\r\n]*))(,|\r\n)/g)) {
    row.push(match[1]?.replaceAll('""', '"') ?? match[2] ?? '');
    if (match[3] === ',') continue;
    rows.push(row);
    row = [];
  }
  return rows;
}

/** Where attention and experts share GPUs, no sender can say "combine": it means `collective`. */
function asReceived(table: EventTable): EventTable {
  const isShared = (row: number) => table.workers[table.worker[row]!]!.role === 'colocated';
  const stage = table.stage.map((code, row) =>
    code === Stage.combine && isShared(row) ? Stage.collective : code,
  );
  return { ...table, stage };
}

/** Whatever order the fields of a worker are in. */
function rowsOf(tables: readonly EventTable[]): string[] {
  const sorted = (worker: WorkerInfo): WorkerInfo => {
    const fields = Object.entries(worker).sort(([a], [b]) => (a < b ? -1 : 1));
    return Object.fromEntries(fields) as unknown as WorkerInfo;
  };
  return eventRows(tables.map((table) => ({ ...table, workers: table.workers.map(sorted) })));
}

function ofDeployment(table: EventTable, deployment: string): EventTable {
  const rows: number[] = [];
  for (let i = 0; i < table.length; i++) {
    if (table.workers[table.worker[i]!]!.deployment === deployment) rows.push(i);
  }
  return selectRows(table, Uint32Array.from(rows));
}
