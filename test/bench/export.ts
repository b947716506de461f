/**
 * How fast windows become files, in processor time: every format of a simulated cluster whose hosts' clocks differ, from
 * a store on disk, against `JSON.stringify` of the same events as objects in the same run.
 *
 *     npx node test/bench/export.ts [--events 600000] [--json]
 */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { exportWindow } from '#lib/query/export.ts';
import { EXPORT_FORMATS } from '#lib/query/export-formats.ts';
import { MemoryStateStore } from '#lib/store/memory-state-store.ts';
import { openTelemetryReader, openTelemetryWriter } from '#lib/store/open-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type BenchRow, printBench, wantsJson } from '#test/support/bench/bench-report.ts';
import { EXPORT_NOW } from '#test/support/export-file.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const { values } = parseArgs({
  options: {
    events: { type: 'string', default: '600000' },
    json: { type: 'boolean', default: false },
  },
});

const spec = scenarioSpec('healthy', { gpusPerHost: 4 });
const STEPS_AT_ONCE = 8;
const data = mkdtempSync(join(tmpdir(), 'afdscope-bench-export-'));
try {
  const store = await openTelemetryWriter({ data });
  const faults = { clockOffset: [{ target: 'node-1', offsetNs: 2_000_000, driftPpm: 20 }] };
  let events = 0;
  let next: bigint | null = null;
  let sample: EventTable | null = null;
  for (let firstStep = 0; events < Number(values.events); firstStep += STEPS_AT_ONCE) {
    const table = simulateSteps(spec, {
      steps: STEPS_AT_ONCE,
      firstStep,
      seed: firstStep + 1,
      faults,
      ...(next === null ? {} : { startUnixNs: next as EventTable['baseUnixNs'] }),
    });
    await store.append([batchOf(`steps ${firstStep}`, { events: [table] })]);
    events += table.length;
    next = table.baseUnixNs + BigInt(lastEndNs(table) + 1_000_000);
    sample ??= table;
  }
  await store.close();
  const telemetry = await openTelemetryReader({ data });
  const stringifyNs = stringifyNsPerEvent(sample!);
  const rows: BenchRow[] = [
    { name: 'events', value: events },
    { name: 'JSON.stringify of objects', value: 1e9 / stringifyNs, unit: 'events/s' },
  ];
  const failures: string[] = [];
  for (const format of EXPORT_FORMATS) {
    const state = new MemoryStateStore();
    const stores = { telemetry, state: async () => state };
    const question = { format: format.name, deployment: spec.deployment };
    const run = async () => {
      const { pieces } = await exportWindow(stores, question, EXPORT_NOW, 'bench');
      let bytes = 0;
      let peak = 0;
      const before = process.cpuUsage();
      for await (const piece of pieces) {
        bytes += piece.byteLength;
        peak = Math.max(peak, piece.byteLength);
      }
      return { bytes, peak, ns: cpuNs(before) };
    };
    // The first run compiles.
    await run();
    const { bytes, peak, ns } = await run();
    const perEventNs = ns / events;
    rows.push(
      { name: format.name, value: 1e9 / perEventNs, unit: 'events/s' },
      { name: `  against JSON.stringify`, value: stringifyNs / perEventNs, unit: '×' },
      { name: `  size`, value: bytes / events, unit: 'bytes/event' },
      { name: `  largest piece`, value: peak, unit: 'bytes' },
    );
    if (bytes < events) failures.push(`${format.name}: less than a byte an event`);
  }
  await telemetry.close();
  const title = `Exports of ${events.toLocaleString('en')} events`;
  printBench('export', [{ title, rows, failures }], wantsJson());
} finally {
  rmSync(data, { recursive: true, force: true });
}

function lastEndNs(table: EventTable): number {
  let last = 0;
  for (let i = 0; i < table.length; i++) {
    last = Math.max(last, table.startNs[i]! + table.durationNs[i]!);
  }
  return last;
}

/** Processor time, so that other work on the machine does not count. */
function cpuNs(before: NodeJS.CpuUsage): number {
  const { user, system } = process.cpuUsage(before);
  return (user + system) * 1000;
}

/** What a program would do that holds events as objects. */
function stringifyNsPerEvent(table: EventTable): number {
  const objects = Array.from({ length: table.length }, (_, i) => ({
    worker: `${table.workers[table.worker[i]!]!.group}/${table.workers[table.worker[i]!]!.rank}`,
    stage: table.stageNames[table.stage[i]!],
    startNs: table.startNs[i],
    durationNs: table.durationNs[i],
    step: table.step[i],
    layer: table.layer[i],
    microbatch: table.microbatch[i],
    peer: table.peer[i],
    tokens: table.measures.tokens?.[i],
    sizeBytes: table.measures.bytes?.[i],
  }));
  JSON.stringify(objects.slice(0, 1000));
  const before = process.cpuUsage();
  for (let from = 0; from < objects.length; from += 1000) {
    JSON.stringify(objects.slice(from, from + 1000));
  }
  return cpuNs(before) / objects.length;
}
