/** A data folder with an ingest service, and what its database holds afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type IngestOptions,
  type IngestService,
  startIngest,
} from '#collector/ingest/ingest-client.ts';
import { NS_PER_S, unixNanos } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import type { IngestTotals, TelemetryReader } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { encodePackedProtobuf } from '#test/support/packed-spans.ts';

export const DEPLOYMENT = 'prod';
const BASE = unixNanos(1_750_000_000_000_000_000n);

export class DataFolder {
  readonly path = mkdtempSync(join(tmpdir(), 'afdscope-ingest-'));
  readonly #services: IngestService[] = [];

  async start(options: Partial<IngestOptions> = {}): Promise<IngestService> {
    const service = await startIngest({
      dataDir: this.path,
      store: 'sqlite',
      retention: { rawNs: 1e18, rawBytes: 1e12, rollupsNs: 1e18 },
      ...options,
    });
    this.#services.push(service);
    return service;
  }

  /** How often each step is stored. */
  async storedSteps(): Promise<Map<number, number>> {
    const reader = await this.#reader();
    const counts = new Map<number, number>();
    for await (const table of reader.scanEvents({ deployment: DEPLOYMENT })) {
      for (let i = 0; i < table.length; i++) {
        counts.set(table.step[i]!, (counts.get(table.step[i]!) ?? 0) + 1);
      }
    }
    await reader.close();
    return counts;
  }

  /** Events in the sums by stage. */
  async summedEvents(): Promise<number> {
    const reader = await this.#reader();
    const rollups = await reader.stageRollups({
      deployment: DEPLOYMENT,
      window: { fromUnixNs: unixNanos(0n), toUnixNs: unixNanos(2n ** 62n) },
      resolutionNs: NS_PER_S,
    });
    await reader.close();
    let events = 0;
    for (const { cells } of rollups) {
      for (let cell = 0; cell < cells.length; cell++) events += cells.count[cell]!;
    }
    return events;
  }

  #reader(): Promise<TelemetryReader> {
    return openTelemetryReader({ data: this.path, unpacker: new PackedUnpacker() });
  }

  async totals(): Promise<readonly IngestTotals[]> {
    const reader = await this.#reader();
    const totals = await reader.ingestTotals();
    await reader.close();
    return totals;
  }

  async remove(): Promise<void> {
    for (const service of this.#services) await service.stop();
    rmSync(this.path, { recursive: true, force: true });
  }
}

/** Events of one worker: `count` steps from `firstStep`, one event each. */
export function stepsTable(firstStep: number, count: number): EventTable {
  const builder = new EventTableBuilder(BASE, [testWorker(0)]);
  for (let i = 0; i < count; i++) {
    const step = firstStep + i;
    builder.add({ startNs: step * 1000, durationNs: 700, worker: 0, stage: 0, kind: 0, step });
  }
  return builder.finish();
}

export function stepsBody(firstStep: number, count = 1): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encodeTracesProtobuf(stepsTable(firstStep, count)));
}

/** The same as packed steps. */
export function packedStepsBody(firstStep: number, count = 1): Uint8Array<ArrayBuffer> {
  return new Uint8Array(encodePackedProtobuf(stepsTable(firstStep, count)));
}

export function stepsJson(firstStep: number, count = 1): string {
  return encodeTracesJson(stepsTable(firstStep, count));
}
