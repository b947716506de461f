/** Traces that a test makes: written to a folder of its own, read, and shown as rows. */
import { mkdtempSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { KernelTable } from '#lib/ingest/kernel-table.ts';
import { readTelemetryFiles, type TelemetryFiles } from '#lib/ingest/read-files.ts';
import { KINDS } from '#lib/table/codes.ts';

let folder = '';
let files = 0;

/** The path of a new file with this content. */
export async function traceFile(
  content: string | Uint8Array,
  name = `t${files++}-x.json`,
): Promise<string> {
  if (folder === '') folder = mkdtempSync(join(tmpdir(), 'afdscope-kineto-'));
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

/** For `afterAll`. */
export async function removeTraces(): Promise<void> {
  if (folder !== '') await rm(folder, { recursive: true });
  folder = '';
}

export async function readTrace(
  content: string | Uint8Array,
  kernels?: KernelTable,
): Promise<TelemetryFiles> {
  return readTelemetryFiles([await traceFile(content)], { kernels });
}

export interface TraceRow {
  readonly startNs: bigint;
  readonly durationNs: bigint;
  readonly worker: string;
  readonly stage: string;
  readonly kind: string;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
}

export function rowsOf({ events }: TelemetryFiles): TraceRow[] {
  return events.flatMap((table) =>
    Array.from({ length: table.length }, (_, i): TraceRow => {
      const { group, rank } = table.workers[table.worker[i]!]!;
      return {
        startNs: table.baseUnixNs + BigInt(table.startNs[i]!),
        durationNs: BigInt(table.durationNs[i]!),
        worker: `${group}/${rank}`,
        stage: table.stageNames[table.stage[i]!]!,
        kind: KINDS[table.kind[i]!]!,
        step: table.step[i]!,
        layer: table.layer[i]!,
        microbatch: table.microbatch[i]!,
      };
    }),
  );
}
