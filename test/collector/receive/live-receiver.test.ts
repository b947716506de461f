/** Receivers, ingest thread and SQLite together, with senders that nobody here wrote. */
import { deflateSync, gzipSync, zstdCompressSync } from 'node:zlib';
import { Client, credentials, Metadata } from '@grpc/grpc-js';
import { ROOT_CONTEXT } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, TracerProvider } from '@opentelemetry/sdk-trace';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import { startOtlpGrpc } from '#collector/receive/otlp-grpc.ts';
import { startOtlpHttp } from '#collector/receive/otlp-http.ts';
import type { OtlpReceiver } from '#collector/receive/receiver.ts';
import type { ReceiverStats } from '#collector/receive/receiver-stats.ts';
import { unixNanos } from '#lib/base/units.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import {
  DataFolder,
  DEPLOYMENT,
  stepsBody,
  stepsJson,
} from '#test/collector/ingest/ingest-harness.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { rounds } from '#test/support/tier.ts';
import { statsOf, urlOf } from './receiver-harness.ts';

const TRACES = '/opentelemetry.proto.collector.trace.v1.TraceService/Export';

let folder: DataFolder;
let ingest: IngestService;
let stats: ReceiverStats;
let http: OtlpReceiver;
let grpc: OtlpReceiver;

async function start(): Promise<void> {
  ingest = await folder.start({ policy: { idleMs: 1 } });
  stats = statsOf(64 * 1024 * 1024);
  const common = { host: '127.0.0.1', port: 0, ingest, stats, maxBodyBytes: 1024 * 1024 };
  http = await startOtlpHttp(common);
  grpc = await startOtlpGrpc(common);
}

async function stop(): Promise<void> {
  await http.close();
  await grpc.close(200);
  await ingest.stop();
}

beforeEach(async () => {
  folder = new DataFolder();
  await start();
});
afterEach(async () => {
  await stop();
  await folder.remove();
});

async function post(body: Uint8Array<ArrayBuffer> | string, headers: Record<string, string>) {
  const response = await fetch(urlOf(http), { method: 'POST', body, headers });
  await response.arrayBuffer();
  return response.status;
}

const PROTO = { 'Content-Type': 'application/x-protobuf' };
const JSON_TYPE = { 'Content-Type': 'application/json' };

describe('encodings', () => {
  const compressions: readonly [string, (data: Uint8Array) => Uint8Array<ArrayBuffer>][] = [
    ['identity', (data) => new Uint8Array(data)],
    ['gzip', (data) => new Uint8Array(gzipSync(data))],
    ['deflate', (data) => new Uint8Array(deflateSync(data))],
    ['zstd', (data) => new Uint8Array(zstdCompressSync(data))],
  ];

  test('every compression of both types stores the same events', async () => {
    let step = 0;
    for (const [name, compress] of compressions) {
      const encoding = { 'Content-Encoding': name };
      expect(await post(compress(stepsBody(step, 3)), { ...PROTO, ...encoding })).toBe(200);
      const json = new Uint8Array(Buffer.from(stepsJson(step + 3, 3)));
      expect(await post(compress(json), { ...JSON_TYPE, ...encoding })).toBe(200);
      step += 6;
    }
    const stored = await folder.storedSteps();
    expect([...stored.keys()].sort((a, b) => a - b)).toEqual([...Array(24).keys()]);
    expect([...stored.values()].every((count) => count === 1)).toBe(true);
    expect(stats.counts('traces', 'http')).toMatchObject({
      acceptedRequests: 8,
      acceptedItems: 24,
    });
  });

  test('the same body again is a 200 and is stored once, after a restart too', async () => {
    const body = stepsBody(0, 4);
    expect(await post(body, PROTO)).toBe(200);
    expect(await post(body, PROTO)).toBe(200);
    const zipped = new Uint8Array(gzipSync(body));
    expect(await post(zipped, { ...PROTO, 'Content-Encoding': 'gzip' })).toBe(200);
    expect(stats.counts('traces', 'http')).toMatchObject({ acceptedItems: 4, duplicateItems: 8 });
    await stop();
    await start();
    expect(await post(body, PROTO)).toBe(200);
    expect([...(await folder.storedSteps()).values()]).toEqual([1, 1, 1, 1]);
  });

  test('gRPC and HTTP are one store: a body sent over both is stored once', async () => {
    const client = new Client(`127.0.0.1:${grpc.port}`, credentials.createInsecure());
    const asIs = (bytes: Buffer): Buffer => bytes;
    const call = (body: Uint8Array) =>
      new Promise<void>((resolve, reject) => {
        client.makeUnaryRequest(TRACES, asIs, asIs, Buffer.from(body), new Metadata(), (error) =>
          error === null ? resolve() : reject(error),
        );
      });
    await call(stepsBody(0, 4));
    await call(stepsBody(4, 4));
    expect(await post(stepsBody(4, 4), PROTO)).toBe(200);
    client.close();
    expect((await folder.storedSteps()).size).toBe(8);
    expect(stats.counts('traces', 'grpc').acceptedItems).toBe(8);
    expect(stats.counts('traces', 'http').duplicateItems).toBe(4);
  });

  test('spans that are not of an AFD worker are a partial success', async () => {
    const response = await fetch(urlOf(http), {
      method: 'POST',
      headers: JSON_TYPE,
      body: JSON.stringify({
        resourceSpans: [
          {
            resource: { attributes: [] },
            scopeSpans: [{ spans: [{ name: 'GET /', startTimeUnixNano: '1790000000000000000' }] }],
          },
        ],
      }),
    });
    expect(response.status).toBe(200);
    const { partialSuccess } = (await response.json()) as {
      partialSuccess: { rejectedSpans: string; errorMessage: string };
    };
    expect(Number(partialSuccess.rejectedSpans)).toBe(1);
    expect(partialSuccess.errorMessage).toContain('afd.');
    const totals = await folder.totals();
    expect(totals.map(({ rejected }) => rejected.not_afd ?? 0)).toContain(1);
  });
});

test('the OpenTelemetry SDK: spans and metrics arrive, exact to the nanosecond', async () => {
  const resource = resourceFromAttributes({
    'service.name': 'decode',
    'service.instance.id': 'attention-3',
    'afd.deployment': DEPLOYMENT,
    'afd.role': 'attention',
    'afd.rank': 3,
  });
  const tracers = new TracerProvider({
    resource,
    spanProcessors: [
      new BatchSpanProcessor({ exporter: new OTLPTraceExporter({ url: urlOf(http) }) }),
    ],
  });
  const tracer = tracers.getTracer('test');
  for (let step = 0; step < 700; step++) {
    tracer
      .startSpan(
        'attention',
        { startTime: [1_790_000_000, 123_456_789 + step], attributes: { 'afd.step': step } },
        ROOT_CONTEXT,
      )
      .end([1_790_000_000, 123_457_789 + step * 2]);
  }
  await tracers.forceFlush();
  await tracers.shutdown();

  const meters = new MeterProvider({
    resource,
    readers: [
      new PeriodicExportingMetricReader({
        exporter: new OTLPMetricExporter({ url: urlOf(http, '/v1/metrics') }),
        exportIntervalMillis: 60_000,
      }),
    ],
  });
  const meter = meters.getMeter('test');
  meter.createGauge('DCGM_FI_PROF_SM_ACTIVE').record(0.75);
  meter.createHistogram('gen_ai.server.time_per_output_token', { unit: 's' }).record(0.05);
  await meters.forceFlush();
  await meters.shutdown();

  const reader = await openTelemetryReader({ data: folder.path });
  const seen = new Map<number, readonly [bigint, number]>();
  for await (const table of reader.scanEvents({ deployment: DEPLOYMENT })) {
    for (let i = 0; i < table.length; i++) {
      const start = table.baseUnixNs + BigInt(table.startNs[i]!);
      seen.set(table.step[i]!, [start, table.durationNs[i]!]);
    }
  }
  expect(seen.size).toBe(700);
  expect(seen.get(0)).toEqual([1_790_000_000_123_456_789n, 1000]);
  expect(seen.get(699)).toEqual([1_790_000_000_123_457_488n, 1699]);
  const names = new Set<string>();
  const window = { fromUnixNs: unixNanos(0n), toUnixNs: unixNanos(2n ** 62n) };
  for await (const table of reader.scanMetrics({ deployment: DEPLOYMENT, window })) {
    for (const series of table.series) names.add(series.name);
  }
  await reader.close();
  expect([...names].sort()).toEqual([
    'DCGM_FI_PROF_SM_ACTIVE',
    'gen_ai.server.time_per_output_token',
  ]);
});

describe('mutated bodies', () => {
  const ALLOWED = new Set([200, 400, 413]);
  const MUTATIONS = rounds(1000, 100_000);

  test(`${MUTATIONS} of them: always an allowed answer, a good request works in between`, async () => {
    const random = seededRandom(20_260_731);
    const pick = (n: number): number => Math.floor(random() * n);
    const protobuf = stepsBody(1, 3);
    const json = new Uint8Array(Buffer.from(stepsJson(5, 3)));
    const seeds = [
      { body: protobuf, headers: PROTO },
      { body: json, headers: JSON_TYPE },
      {
        body: new Uint8Array(gzipSync(protobuf)),
        headers: { ...PROTO, 'Content-Encoding': 'gzip' },
      },
      {
        body: new Uint8Array(zstdCompressSync(json)),
        headers: { ...JSON_TYPE, 'Content-Encoding': 'zstd' },
      },
    ];
    const statuses = new Map<number, number>();
    let goodStep = 1_000_000;
    for (let i = 0; i < MUTATIONS; i++) {
      const { body, headers } = seeds[i % seeds.length]!;
      const status = await post(mutated(body, pick), headers);
      expect(ALLOWED, `body ${i}`).toContain(status);
      statuses.set(status, (statuses.get(status) ?? 0) + 1);
      if (i % 50 === 0) expect(await post(stepsBody(goodStep++), PROTO)).toBe(200);
    }
    expect(await post(stepsBody(goodStep++), PROTO)).toBe(200);
    // The mutations would test nothing if they were all refused, or all harmless.
    expect(statuses.get(400)).toBeGreaterThan(100);
    expect(statuses.get(200)).toBeGreaterThan(20);
    expect(stats.inFlightBytes).toBe(0);
    expect(ingest.state().status).toBe('ok');
    expect(ingest.stats().decodeErrors).toBe(0);
    const stored = await folder.storedSteps();
    for (let step = 1_000_000; step < goodStep; step++) expect(stored.get(step)).toBe(1);
  });
});

/** One to four of: a byte changed, bytes cut out, bytes put in, a piece repeated, the end cut. */
function mutated(body: Uint8Array, pick: (n: number) => number): Uint8Array<ArrayBuffer> {
  let bytes = Buffer.from(body);
  for (let count = 1 + pick(4); count > 0 && bytes.length > 0; count--) {
    const at = pick(bytes.length);
    const length = Math.min(1 + pick(16), bytes.length - at);
    switch (pick(5)) {
      case 0:
        bytes[at] = pick(256);
        break;
      case 1:
        bytes = Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
        break;
      case 2: {
        const noise = Buffer.from(Array.from({ length }, () => pick(256)));
        bytes = Buffer.concat([bytes.subarray(0, at), noise, bytes.subarray(at)]);
        break;
      }
      case 3:
        bytes = Buffer.concat([bytes.subarray(0, at + length), bytes.subarray(at)]);
        break;
      default:
        bytes = bytes.subarray(0, at);
    }
  }
  return new Uint8Array(bytes);
}
