import { writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { reportSchema } from '#lib/api/report-schema.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import {
  hasRuntime,
  ownPlaces,
  readRuntime,
  runAfdscope,
  startCollector,
} from '#test/support/afdscope-process.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

/** Two steps of a small cluster, 20 s ago, so that nothing of it is still in flight. */
function smallBody(seed: number): { body: Uint8Array; events: number } {
  const spec = scenarioSpec('healthy', { attentionWorkers: 2, ffnWorkers: 1, layers: 5 });
  const startUnixNs = unixNanosFromMs(Date.now() - 20_000);
  const table = simulateSteps(spec, { steps: 2, seed, startUnixNs, firstStep: seed * 10 });
  return { body: encodeTracesProtobuf(table), events: table.length };
}

function send(otlpHttp: string, body: Uint8Array): Promise<Response> {
  return fetch(`${otlpHttp}/v1/traces`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-protobuf' },
    body: new Uint8Array(body),
  });
}

async function reportOf(dataDir: string) {
  const { code, stdout, stderr } = await runAfdscope(['report', '--data', dataDir, '--json']);
  expect(stderr).toBe('');
  expect(code).toBe(0);
  return reportSchema.parse(JSON.parse(stdout));
}

describe('afdscope collector', () => {
  test('what is posted is what report and analyze say, to the nanosecond', async () => {
    const dataDir = scratchFolder();
    const collector = await startCollector(dataDir);
    expect((await fetch(`${collector.admin}/readyz`)).status).toBe(200);
    expect(readRuntime(dataDir)).toMatchObject({
      pid: collector.pid,
      otlpHttp: collector.otlpHttp,
      admin: collector.admin,
      web: null,
    });
    const { body, events } = smallBody(1);
    expect((await send(collector.otlpHttp, body)).status).toBe(200);

    const stored = await reportOf(dataDir);
    expect(stored.quality.events).toBe(events);
    expect(stored.steps.count).toBe(2);
    const file = join(dataDir, 'traces.pb');
    writeFileSync(file, body);
    const analyzed = await runAfdscope(['analyze', file, '--json']);
    expect(analyzed.code).toBe(0);
    expect(JSON.parse(analyzed.stdout)).toEqual(stored);

    const forPeople = await runAfdscope(['report', '--data', dataDir]);
    expect(forPeople.stdout).toMatch(/^demo 2A1F, 5 layers, 3 micro-batches\n/);
    expect(forPeople.stdout).toMatch(/^group +role +GPUs +observed +busy/m);
    const narrow = await runAfdscope(['report', '--data', dataDir, '--from', 'yesterday']);
    expect(narrow.code).toBe(2);
    expect(narrow.stderr).toContain('--from: "yesterday" is not a time');

    const metrics = await (await fetch(`${collector.admin}/metrics`)).text();
    expect(metrics).toContain(`afdscope_receiver_accepted_spans_total{transport="http"} ${events}`);
    const status = await (await fetch(`${collector.admin}/api/status`)).json();
    expect(status).toMatchObject({ phase: 'accepting', ingest: { committedEvents: events } });

    const annotation = await fetch(`${collector.admin}/api/annotations`, {
      method: 'POST',
      headers: {
        'Content-Type': 'application/json',
        Authorization: `Bearer ${readRuntime(dataDir).adminToken}`,
      },
      body: JSON.stringify({ deployment: 'demo', fromUnixNs: '1793000000000000001', text: 'hi' }),
    });
    expect(annotation.status).toBe(201);
  });

  test('a kill right after a 200 loses nothing and repeats nothing', async () => {
    const dataDir = scratchFolder();
    let events = 0;
    for (let round = 1; round <= 2; round++) {
      const collector = await startCollector(dataDir);
      const { body, events: more } = smallBody(round);
      expect((await send(collector.otlpHttp, body)).status).toBe(200);
      process.kill(collector.pid, 'SIGKILL');
      await collector.process.finished;
      events += more;
      // The sender did not see the answer, and sends again after the restart.
      const again = await startCollector(dataDir);
      expect((await send(again.otlpHttp, body)).status).toBe(200);
      process.kill(again.pid, 'SIGKILL');
      await again.process.finished;
    }
    const report = await reportOf(dataDir);
    expect(report.quality.events).toBe(events);
    expect(report.steps.count).toBe(4);
    expect(report.quality.rejected).toEqual({ duplicate: events });
  });

  test('SIGTERM ends it within 10 s with a live stream open', async () => {
    const dataDir = scratchFolder();
    const collector = await startCollector(dataDir);
    const stream = await fetch(`${collector.admin}/live?deployment=demo`);
    const reader = stream.body?.getReader();
    expect(new TextDecoder().decode((await reader?.read())?.value)).toContain('retry: 2000');
    const startedMs = performance.now();
    process.kill(collector.pid, 'SIGTERM');
    const { code } = await collector.process.finished;
    expect(code).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(hasRuntime(dataDir)).toBe(false);
    await expect(readToEnd(reader)).resolves.toBeUndefined();
  });

  test('one collector a data folder: the second names the first', async () => {
    const dataDir = scratchFolder();
    const first = await startCollector(dataDir);
    const second = await runAfdscope(['collector'], ownPlaces(dataDir));
    expect(second.code).toBe(1);
    expect(second.stderr).toContain(`${dataDir} is in use by process ${first.pid}`);
    expect((await fetch(`${first.admin}/readyz`)).status).toBe(200);
    expect(readRuntime(dataDir).pid).toBe(first.pid);
  });

  test('a taken port is named with its option', async () => {
    const server = createServer();
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    const address = server.address();
    const port = typeof address === 'object' && address !== null ? address.port : 0;
    const env = { ...ownPlaces(scratchFolder()), AFDSCOPE_OTLP_GRPC: `127.0.0.1:${port}` };
    const { code, stderr } = await runAfdscope(['collector'], env);
    server.close();
    expect(code).toBe(1);
    expect(stderr).toContain(`port ${port} on 127.0.0.1 is taken`);
    expect(stderr).toContain('AFDSCOPE_OTLP_GRPC or --otlp-grpc');
  });

  test('its own receiver as endpoint of its own traces is refused', async () => {
    const env = {
      ...ownPlaces(scratchFolder()),
      AFDSCOPE_OTLP_HTTP: '127.0.0.1:45871',
      OTEL_EXPORTER_OTLP_ENDPOINT: 'http://localhost:45871',
    };
    const { code, stderr, stdout } = await runAfdscope(['collector'], env);
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr).toContain("is this collector's own receiver");
  });

  test('a store that this version does not have', async () => {
    const env = { ...ownPlaces(scratchFolder()), AFDSCOPE_STORE: 'http://127.0.0.1:8123' };
    const { code, stderr } = await runAfdscope(['collector'], env);
    expect(code).toBe(1);
    expect(stderr).toContain('ClickHouse is not supported by this version');
  });

  test('says what is ready while it starts, and that it is gone after', async () => {
    const dataDir = scratchFolder();
    const collector = await startCollector(dataDir);
    process.kill(collector.pid, 'SIGTERM');
    await collector.process.finished;
    await vi.waitFor(async () => {
      await expect(fetch(`${collector.admin}/livez`)).rejects.toThrow();
    });
  });
});

async function readToEnd(reader: ReadableStreamDefaultReader | undefined): Promise<void> {
  while ((await reader?.read())?.done === false);
}
