/**
 * Real OpenTelemetry SDKs against a real collector that cannot keep up: everything that they made
 * is stored once, its memory and its queue stay bounded, and it recovers by itself. Briefly with
 * the SDK's own defaults; for 60 s, in the long tier, with what docs/operations.md tells senders.
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import { describe, expect, onTestFinished, test } from 'vitest';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import { pause, type Started, startCollector } from '#test/support/afdscope-process.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { limitMs, rounds } from '#test/support/tier.ts';

const OVERLOAD_S = rounds(5, 60);
const SPANS_PER_S = 200;
/** As the SDK has them: 10 s for an export with all its retries. */
const DEFAULTS = { OTEL_BSP_SCHEDULE_DELAY: '500' };
/** As docs/operations.md has them. */
const FOR_A_MINUTE = {
  ...DEFAULTS,
  OTEL_EXPORTER_OTLP_TIMEOUT: '90000',
  OTEL_BSP_EXPORT_TIMEOUT: '90000',
  OTEL_BSP_MAX_QUEUE_SIZE: '32768',
};
const SENDER_ENV = OVERLOAD_S > 8 ? FOR_A_MINUTE : DEFAULTS;

function run(
  file: string,
  args: readonly string[],
  env: Record<string, string> = {},
): ChildProcess {
  const child = spawn(process.execPath, [join(import.meta.dirname, file), ...args], {
    env: { ...process.env, ...env },
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  onTestFinished(() => {
    child.kill('SIGKILL');
  });
  return child;
}

async function output(child: ChildProcess): Promise<unknown> {
  let text = '';
  child.stdout?.on('data', (chunk: Buffer) => {
    text += chunk.toString();
  });
  await new Promise((resolve) => child.once('close', resolve));
  return JSON.parse(text);
}

/** Both protocols, rank 0 over HTTP and rank 1 over gRPC; resolves to the spans each made. */
function startSenders(collector: Started, seconds: number): Promise<unknown>[] {
  const otlpGrpc = collector.otlpGrpc;
  return [
    ['http/protobuf', collector.otlpHttp],
    ['grpc', `http://${otlpGrpc}`],
  ].map(([protocol = '', endpoint = ''], rank) => {
    const child = run('sdk-sender-child.ts', [rank, SPANS_PER_S, seconds].map(String), {
      ...SENDER_ENV,
      OTEL_TRACES_EXPORTER: 'otlp',
      OTEL_EXPORTER_OTLP_PROTOCOL: protocol,
      OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
      OTEL_RESOURCE_ATTRIBUTES: `afd.deployment=sdk,afd.role=attention,afd.rank=${rank}`,
      OTEL_SERVICE_NAME: 'worker',
    });
    return output(child);
  });
}

/** By rank and step: how often it is stored. */
async function storedByIdentity(dataDir: string): Promise<Map<string, number>> {
  const reader = await openTelemetryReader({ data: dataDir });
  const counts = new Map<string, number>();
  for await (const table of reader.scanEvents({ deployment: 'sdk' })) {
    for (let i = 0; i < table.length; i++) {
      const key = `${table.workers[table.worker[i]!]?.rank}/${table.step[i]}`;
      counts.set(key, (counts.get(key) ?? 0) + 1);
    }
  }
  await reader.close();
  return counts;
}

async function expectAllStored(dataDir: string, made: readonly unknown[]): Promise<void> {
  const total = SPANS_PER_S * seconds;
  expect(made).toEqual([{ made: total }, { made: total }]);
  const stored = await storedByIdentity(dataDir);
  const missing: string[] = [];
  for (const rank of [0, 1]) {
    for (let step = 0; step < total; step++) {
      if (stored.get(`${rank}/${step}`) !== 1) missing.push(`${rank}/${step}`);
    }
  }
  expect(missing).toEqual([]);
  expect(stored.size).toBe(2 * total);
}

async function metrics(collector: Started): Promise<Map<string, number>> {
  const text = await (await fetch(`${collector.admin}/metrics`)).text();
  const lines = text.split('\n').filter((line) => line !== '' && !line.startsWith('#'));
  return new Map(
    lines.map((line) => {
      const at = line.lastIndexOf(' ');
      return [line.slice(0, at), Number(line.slice(at + 1))];
    }),
  );
}

/** Before, during and after the overload. */
const seconds = OVERLOAD_S + 3;

describe('SDK exporters lose nothing', () => {
  test(
    `while the database is locked for ${OVERLOAD_S} s`,
    async () => {
      const dataDir = scratchFolder();
      const collector = await startCollector(dataDir);
      const made = startSenders(collector, seconds);
      await pause(1500);
      const other = new Database(join(dataDir, 'afdscope.db'));
      other.exec('BEGIN EXCLUSIVE');
      await pause(OVERLOAD_S * 1000);
      expect((await metrics(collector)).get('afdscope_condition{condition="locked"}')).toBe(1);
      other.exec('ROLLBACK');
      other.close();
      await expectAllStored(dataDir, await Promise.all(made));
      const after = await metrics(collector);
      expect(after.get('afdscope_condition{condition="locked"}')).toBe(0);
      expect((await fetch(`${collector.admin}/readyz`)).status).toBe(200);
    },
    limitMs(60_000),
  );

  test(
    `while ${OVERLOAD_S} s of more than it can store pour in; memory and queue stay bounded`,
    async () => {
      const dataDir = scratchFolder();
      // A small budget stands for a large load: the door is closed most of the time.
      const collector = await startCollector(dataDir, {
        AFDSCOPE_LIMITS_BODY_BYTES: '8MiB',
        AFDSCOPE_LIMITS_BYTES_IN_FLIGHT: '12MiB',
      });
      const made = startSenders(collector, seconds);
      await pause(1500);
      const flood = run('flood-child.ts', [collector.otlpHttp, '24', '10000']);
      const answers = output(flood);
      const endMs = performance.now() + OVERLOAD_S * 1000;
      let longestQueueS = 0;
      let mostInFlightBytes = 0;
      let mostWaiting = 0;
      let largestRssBytes = 0;
      let overloads = 0;
      while (performance.now() < endMs) {
        const now = await metrics(collector);
        const read = (name: string) => now.get(name) ?? Number.NaN;
        longestQueueS = Math.max(longestQueueS, read('afdscope_ingest_queue_wait_seconds'));
        mostInFlightBytes = Math.max(mostInFlightBytes, read('afdscope_receiver_in_flight_bytes'));
        mostWaiting = Math.max(mostWaiting, read('afdscope_receiver_waiting_requests'));
        largestRssBytes = Math.max(largestRssBytes, read('process_resident_memory_bytes'));
        overloads = read('afdscope_condition_entered_total{condition="overload"}');
        await pause(100);
      }
      flood.stdin?.end();
      expect(Object.keys((await answers) as object).filter((s) => !/^(200|429)$/.test(s))).toEqual(
        [],
      );
      await expectAllStored(dataDir, await Promise.all(made));
      expect(mostWaiting).toBeGreaterThan(5);
      expect(overloads).toBe(1);
      expect(mostInFlightBytes).toBeLessThanOrEqual(12 * 2 ** 20);
      expect(longestQueueS).toBeLessThan(4);
      // The live view keeps up to 3 million events, which is most of this; the requests are not.
      expect(largestRssBytes).toBeLessThan(2e9);
      await expect
        .poll(
          async () => (await metrics(collector)).get('afdscope_condition{condition="overload"}'),
          {
            timeout: 15_000,
          },
        )
        .toBe(0);
    },
    limitMs(60_000),
  );
});
