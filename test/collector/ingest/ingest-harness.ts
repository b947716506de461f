/** A data folder with an ingest service, and what its database holds afterwards. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import {
  type IngestOptions,
  type IngestService,
  startIngest,
} from '#collector/ingest/ingest-client.ts';
import { unixNanos } from '#lib/base/units.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import type { IngestTotals } from '#lib/store/telemetry-store.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

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
    const reader = await openTelemetryReader({ data: this.path });
    const counts = new Map<number, number>();
    for await (const table of reader.scanEvents({ deployment: DEPLOYMENT })) {
      for (let i = 0; i < table.length; i++) {
        counts.set(table.step[i]!, (counts.get(table.step[i]!) ?? 0) + 1);
      }
    }
    await reader.close();
    return counts;
  }

  async totals(): Promise<readonly IngestTotals[]> {
    const reader = await openTelemetryReader({ data: this.path });
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

export function stepsJson(firstStep: number, count = 1): string {
  return encodeTracesJson(stepsTable(firstStep, count));
}
