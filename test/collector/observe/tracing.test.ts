import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, expect, test } from 'vitest';
import { startTracing } from '#collector/observe/tracing.ts';
import { DEFAULT_DECODE_LIMITS } from '#lib/ingest/decode-limits.ts';
import { Decoder } from '#lib/ingest/decoder.ts';

const NAMES = ['OTEL_EXPORTER_OTLP_ENDPOINT', 'OTEL_TRACES_SAMPLER'];
const before = new Map(NAMES.map((name) => [name, process.env[name]]));
afterEach(() => {
  for (const [name, value] of before) {
    if (value === undefined) delete process.env[name];
    else process.env[name] = value;
  }
});

test('a span for each request and commit reaches the endpoint, named as our own', async () => {
  const bodies: Buffer[] = [];
  const server = createServer(async (req, res) => {
    const chunks: Buffer[] = [];
    for await (const chunk of req) chunks.push(chunk);
    bodies.push(Buffer.concat(chunks));
    res.end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  // The SDK reads its variables itself.
  const { port } = server.address() as AddressInfo;
  process.env.OTEL_EXPORTER_OTLP_ENDPOINT = `http://127.0.0.1:${port}`;
  process.env.OTEL_TRACES_SAMPLER = 'always_on';
  const tracing = await startTracing(process.env);
  const ingest = tracing.wrapIngest({
    submit: async () => ({ status: 'malformed', message: 'no' }),
  });
  expect(await ingest.submit('traces', 'protobuf', new Uint8Array(5))).toEqual({
    status: 'malformed',
    message: 'no',
  });
  tracing.observeCommit({
    ok: true,
    commitMs: 3,
    requests: 1,
    bodyBytes: 5,
    events: 1,
    metricPoints: 0,
    duplicates: 0,
    rejected: {},
  });
  await tracing.stop();
  server.close();

  const sent = bodies.map((body) => body.toString('latin1')).join('');
  expect(sent).toContain('receive traces');
  expect(sent).toContain('commit');
  // Should they come back over a detour, they are known and dropped.
  const decoder = new Decoder(DEFAULT_DECODE_LIMITS);
  const decoded = decoder.decode('traces', 'protobuf', new Uint8Array(bodies[0]!));
  expect(decoded.ok && decoded.value.received).toBeGreaterThan(0);
  const rejected = decoded.ok ? Object.assign({}, ...decoded.value.rejected.values()) : {};
  expect(Object.keys(rejected)).toEqual(['own_telemetry']);
});
