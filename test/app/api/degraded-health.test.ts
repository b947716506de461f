/** What `GET /api/v1/health` says of a collector that refuses and of a database that cannot be read. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test, vi } from 'vitest';
import { services } from '#app/_server/services.ts';
import * as health from '#app/api/v1/health/route.ts';
import { type Health, healthSchema } from '#lib/api/health.ts';

const CONDITION = {
  name: 'disk-full',
  severity: 'critical',
  notReady: true,
  sinceUnixMs: 1_795_000_000_000,
  detail: '/data/afdscope.db: the disk is full',
  remedy: 'Free space.',
};

let answer: { status: number; body: string } = { status: 200, body: '{}' };
const admin = createServer((_request, response) => {
  response.writeHead(answer.status, { 'content-type': 'application/json' }).end(answer.body);
});
let dataDir = '';

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'afdscope-health-'));
  vi.stubEnv('AFDSCOPE_DATA', dataDir);
  vi.stubEnv('AFDSCOPE_RUNTIME', join(dataDir, 'runtime.json'));
  vi.stubEnv('AFDSCOPE_ROOT', join(import.meta.dirname, '../../..'));
  await new Promise<void>((resolve) => admin.listen(0, '127.0.0.1', resolve));
  const runtime = {
    schema: 'afdscope.runtime/1',
    pid: 1,
    startedUnixMs: 1,
    otlpHttp: 'http://127.0.0.1:4318',
    otlpGrpc: '127.0.0.1:4317',
    admin: `http://127.0.0.1:${(admin.address() as AddressInfo).port}`,
    web: null,
    adminToken: 'token',
  };
  writeFileSync(join(dataDir, 'runtime.json'), JSON.stringify(runtime));
});
afterAll(async () => {
  await services().pool.close();
  admin.closeAllConnections();
  admin.close();
  vi.unstubAllEnvs();
  rmSync(dataDir, { recursive: true, force: true });
});

async function get(): Promise<Health> {
  const url = 'http://127.0.0.1:3000/api/v1/health';
  const response = await health.GET(new Request(url, { headers: { host: '127.0.0.1:3000' } }));
  expect(response.status).toBe(200);
  return healthSchema.parse(await response.json());
}

describe('health', () => {
  test('a collector that refuses: its conditions, queue and refusals, as it tells them', async () => {
    const facts = { queueWaitMs: 1200, waitingRequests: 7, refused: { overloaded: 3 } };
    const body = { status: 'not ready', reasons: ['disk-full: …'], conditions: [CONDITION] };
    answer = { status: 503, body: JSON.stringify({ ...body, ...facts }) };
    const { collector } = await get();
    expect(collector).toMatchObject({ state: 'degraded', conditions: [CONDITION], ...facts });
    expect(collector.detail).toBe('disk-full: /data/afdscope.db: the disk is full');
  });

  test('a condition that refuses nothing leaves it up', async () => {
    const clock = { ...CONDITION, name: 'clock', severity: 'warning', notReady: false };
    answer = { status: 200, body: JSON.stringify({ status: 'ready', conditions: [clock] }) };
    expect((await get()).collector).toMatchObject({ state: 'up', conditions: [clock] });
  });

  test('not ready without a condition: it starts; an answer that is no JSON is none', async () => {
    answer = {
      status: 503,
      body: '{"status":"not ready","reasons":["the store is being opened"]}',
    };
    expect((await get()).collector).toMatchObject({ state: 'starting', conditions: [] });
    answer = { status: 503, body: '<html>' };
    expect((await get()).collector.state).toBe('starting');
    answer = { status: 200, body: '{"conditions":"many"}' };
    expect((await get()).collector).toMatchObject({ state: 'up', conditions: [] });
  });

  test('a database that cannot be read is said, and the rest is still answered', async () => {
    answer = { status: 200, body: '{}' };
    expect(await get()).toMatchObject({ store: null, totals: [] });
    expect((await get()).storeProblem).toBeUndefined();
    writeFileSync(join(dataDir, 'afdscope.db'), Buffer.alloc(100_000, 'not a database'));
    const damaged = await get();
    expect(damaged).toMatchObject({ store: null, totals: [], collector: { state: 'up' } });
    expect(damaged.storeProblem).toMatch(/not a database/);
  });
});
