/** `GET /api/v1/deployments/{id}/postmortem`: a file, its headers, and what is refused. */
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import { services } from '#app/_server/services.ts';
import * as postmortem from '#app/api/v1/deployments/[id]/postmortem/route.ts';
import { postmortemUrl } from '#lib/api/client.ts';
import { problemSchema } from '#lib/api/problem.ts';
import { unixNanos } from '#lib/base/units.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { batchOf } from '#test/support/telemetry-batch.ts';

const DEPLOYMENT = 'prod/<b>a "b"';
const START = unixNanos(1_795_442_400_000_000_000n);
let dataDir = '';

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'afdscope-postmortem-'));
  vi.stubEnv('AFDSCOPE_DATA', dataDir);
  vi.stubEnv('AFDSCOPE_RUNTIME', join(dataDir, 'runtime.json'));
  vi.stubEnv('AFDSCOPE_ROOT', join(import.meta.dirname, '../../..'));
  const writer = await openTelemetryWriter({ data: dataDir });
  const table = slowSteps({ seconds: 4, deployment: DEPLOYMENT, startUnixNs: START });
  await writer.append([batchOf('steps', { events: [table] })]);
  await writer.close();
});

afterAll(async () => {
  await services().pool.close();
  vi.unstubAllEnvs();
  rmSync(dataDir, { recursive: true, force: true });
});

function ask(more: Parameters<typeof postmortemUrl>[1]): Promise<Response> {
  const window = { from: String(START + 2_000_000_000n), to: String(START + 4_000_000_000n) };
  const path = postmortemUrl(DEPLOYMENT, { ...window, ...more });
  const request = new Request(`http://127.0.0.1:3000${path}`, {
    headers: { host: 'scope.example:8080' },
  });
  return postmortem.GET(request, {
    params: Promise.resolve({ id: encodeURIComponent(DEPLOYMENT) }),
  });
}

test('HTML: opens in the browser, has a name, may do nothing there', async () => {
  const response = await ask({ zone: 'Asia/Tokyo' });
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8');
  expect(response.headers.get('content-disposition')).toMatch(
    /^inline; filename="prod_b_a_b_-postmortem-20261123T140002Z\.html"$/,
  );
  expect(response.headers.get('content-security-policy')).toContain("default-src 'none'");
  expect(response.headers.get('x-content-type-options')).toBe('nosniff');
  const html = await response.text();
  expect(html).toContain('<h1>Post-mortem: prod/&lt;b&gt;a &quot;b&quot;</h1>');
  expect(html).toContain('GMT+9 (Asia/Tokyo)');
  expect(html).toContain('href="http://scope.example:8080/stragglers?d=prod');
  expect(html).toContain('<figure>');
  expect(html).toContain('retention.rollups');
  expect(html).not.toContain('<script');
});

test('Markdown, with links where they are asked to lead', async () => {
  const response = await ask({ format: 'md', url: 'https://dash.example/afd/' });
  expect(response.headers.get('content-type')).toBe('text/markdown; charset=utf-8');
  const markdown = await response.text();
  expect(markdown).toMatch(/^# Post-mortem: prod\/&lt;b&gt;a "b"\n/);
  expect(markdown).toContain('https://dash.example/afd/stragglers?d=prod');
});

test('what cannot be told is a problem document', async () => {
  const response = await ask({ zone: 'Nowhere' });
  expect(response.status).toBe(400);
  expect(problemSchema.parse(await response.json())).toMatchObject({ parameter: 'zone' });
});
