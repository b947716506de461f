/** Bodies on the admin port: streamed, bounded, refused with an answer that arrives. */
import { existsSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { type FastifyInstance, fastify } from 'fastify';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { addImportRoutes } from '#collector/admin/import-routes.ts';
import { ImportService } from '#collector/import/import-service.ts';
import { applyImportStep } from '#collector/import/import-steps.ts';
import { importSchema } from '#lib/api/imports.ts';
import { unixNanos } from '#lib/base/units.ts';
import { sendImport } from '#lib/query/send-import.ts';
import { MemoryStateStore } from '#lib/store/memory-state-store.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { encodeTracesJson } from '#test/support/otlp-encode.ts';

const OLD = unixNanos(1_675_209_600_000_000_000n);
const telemetry = new MemoryStore();
const state = new MemoryStateStore();
const warnings: string[] = [];
let folder: string;
let server: FastifyInstance;
let imports: ImportService;
let admin: string;

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'afdscope-import-routes-'));
  imports = new ImportService({
    dataDir: folder,
    maxBytes: 2_000_000,
    kernels: null,
    step: (step) => applyImportStep(telemetry, state, step),
    onWarning: (message) => warnings.push(message),
    nowUnixMs: Date.now,
  });
  await imports.start();
  server = fastify({ forceCloseConnections: true });
  addImportRoutes(server, { imports: () => imports, adminToken: 'secret' });
  admin = await server.listen({ host: '127.0.0.1', port: 0 });
});
afterAll(async () => {
  await imports.stop();
  await server.close();
  rmSync(folder, { recursive: true, force: true });
});

function send(name: string, body: string | Buffer, adminToken = 'secret', more = {}) {
  // In pieces, as a file comes.
  const bytes = Buffer.from(body);
  const pieces: Buffer[] = [];
  for (let at = 0; at < bytes.length; at += 65_536) pieces.push(bytes.subarray(at, at + 65_536));
  return sendImport({ admin, adminToken }, { name, ...more }, Readable.from(pieces));
}

const spooled = () =>
  existsSync(join(folder, 'imports')) ? readdirSync(join(folder, 'imports')) : [];

test('a file is stored, once', async () => {
  const body = encodeTracesJson(slowSteps({ seconds: 0.5, deployment: 'run', startUnixNs: OLD }));
  const first = await send('run.json', body);
  expect(first.status).toBe(201);
  expect(importSchema.parse(first.body)).toMatchObject({ state: 'done', duplicate: false });
  const again = await send('run.json', body);
  expect(again).toMatchObject({ status: 200, body: { duplicate: true } });
  expect(await telemetry.ingestTotals()).toMatchObject([{ deployment: 'run', rejected: {} }]);
  expect(spooled()).toEqual([]);
});

test('over the limit: the answer arrives though the body was not read, and nothing is left', async () => {
  for (const size of [2_500_000, 20_000_000]) {
    expect(await send('big.json', Buffer.alloc(size))).toMatchObject({
      status: 413,
      body: { detail: expect.stringContaining('over 2000000 bytes') },
    });
  }
  await expect.poll(spooled).toEqual([]);
});

test('without the token, and with a body of some size', async () => {
  expect((await send('x.json', Buffer.alloc(5_000_000), 'wrong')).status).toBe(401);
});

test('what cannot be read is told by name', async () => {
  expect(await send('a.json', '')).toMatchObject({
    status: 422,
    body: { detail: expect.stringContaining('a.json: is empty'), import: { state: 'failed' } },
  });
  expect(await send('a.txt', 'hello')).toMatchObject({ status: 422 });
  expect(await send('', 'x')).toMatchObject({ status: 400, body: { parameter: 'name' } });
  expect(spooled()).toEqual([]);
});

test('a sender that breaks off leaves nothing', async () => {
  const body = Readable.from(
    (async function* () {
      yield Buffer.alloc(100_000);
      throw new Error('gone');
    })(),
  );
  const sent = sendImport({ admin, adminToken: 'secret' }, { name: 'half.json' }, body);
  await expect(sent).rejects.toThrow();
  await expect.poll(spooled).toEqual([]);
  expect((await imports.list()).some(({ files }) => files[0]?.name === 'half.json')).toBe(false);
});
