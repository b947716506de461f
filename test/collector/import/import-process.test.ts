/** `afdscope import` and `POST /api/import` against running programs: twice, bad input, live, restarts. */
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { afterAll, describe, expect, test } from 'vitest';
import { readRuntimeFile } from '#collector/supervise/runtime-file.ts';
import { type ImportJson, importSchema, importsSchema } from '#lib/api/imports.ts';
import { unixNanos } from '#lib/base/units.ts';
import { sendImport } from '#lib/query/send-import.ts';
import {
  ownPlaces,
  runAfdscope,
  type Started,
  startCollector,
} from '#test/support/afdscope-process.ts';
import { slowSteps } from '#test/support/live-feed.ts';
import { encodeTracesJson, encodeTracesProtobuf } from '#test/support/otlp-encode.ts';

/** 2023-02-01: older than everything that retention keeps. */
const OLD = unixNanos(1_675_209_600_000_000_000n);
const folder = mkdtempSync(join(tmpdir(), 'afdscope-import-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
const table = slowSteps({ seconds: 4, deployment: 'old', startUnixNs: OLD });

function file(name: string, content: string | Uint8Array): string {
  const path = join(folder, name);
  writeFileSync(path, content);
  return path;
}

const recording = file('run.otlp.json.gz', gzipSync(encodeTracesJson(table)));

describe('without a collector', () => {
  const places = ownPlaces(join(folder, 'alone'));

  test('takes the lock and writes itself; the report is that of the file', async () => {
    const first = await runAfdscope(['import', recording, '--json'], places);
    expect(first.stderr).toContain('storing');
    expect(first.code).toBe(0);
    const done = importSchema.parse(JSON.parse(first.stdout));
    expect(done).toMatchObject({ state: 'done', events: table.length, duplicate: false });
    expect(done.deployments).toMatchObject([
      { deployment: 'old', events: table.length, workers: 3 },
    ]);
    const again = await runAfdscope(['import', recording], places);
    expect(again.stdout).toContain('nothing was stored again');
    const stored = await runAfdscope(['report', '--deployment', 'old', '--json'], places);
    const read = await runAfdscope(['analyze', recording, '--json']);
    expect(JSON.parse(stored.stdout)).toEqual(JSON.parse(read.stdout));
  }, 120_000);

  test('an archive goes out and comes back under another name, elsewhere', async () => {
    const out = join(folder, 'old.afdscope');
    const made = await runAfdscope(
      ['export', '--format', 'archive', '--deployment', 'old', '-o', out],
      places,
    );
    expect(made).toMatchObject({ code: 0 });
    const elsewhere = ownPlaces(join(folder, 'elsewhere'));
    const brought = await runAfdscope(['import', out, '--deployment', 'copy'], elsewhere);
    expect(brought).toMatchObject({ code: 0 });
    const here = await runAfdscope(['report', '--deployment', 'old', '--json'], places);
    const there = await runAfdscope(['report', '--deployment', 'copy', '--json'], elsewhere);
    expect({ ...JSON.parse(there.stdout), deployment: 'old' }).toEqual(JSON.parse(here.stdout));
    const cut = file('cut.afdscope', readFileSync(out).subarray(0, 3000));
    const refused = await runAfdscope(['import', cut], elsewhere);
    expect(refused.code).toBe(1);
    expect(refused.stderr).toMatch(/cut\.afdscope: the archive is cut off in part \d+ at byte \d+/);
    expect(refused.stderr).toContain('nothing was stored');
  }, 120_000);

  test('a file without events, and one that is not there', async () => {
    const empty = file('empty.json', '');
    const { code, stderr } = await runAfdscope(['import', empty], places);
    expect([code, stderr]).toEqual([
      1,
      expect.stringContaining('empty.json: is empty; expected OTLP'),
    ]);
    const foreign = file(
      'foreign.json',
      '{"resourceSpans":[{"scopeSpans":[{"spans":[{"name":"x"}]}]}]}',
    );
    expect((await runAfdscope(['import', foreign], places)).stderr).toContain(
      'foreign.json holds no event of an AFD worker',
    );
    expect((await runAfdscope(['import', join(folder, 'none')], places)).stderr).toContain(
      'there is no such file',
    );
  }, 120_000);
});

test('through a collector', async () => {
  const data = join(folder, 'served');
  const places = ownPlaces(data);
  const collector: Started = await startCollector(data, { AFDSCOPE_IMPORT_MAX_BYTES: '2000000' });

  const target = () => {
    const { admin, adminToken } = readRuntimeFile(join(data, 'runtime.json'))!;
    return { admin: admin!, adminToken };
  };
  const send = (name: string, body: string | Uint8Array, more: Record<string, string> = {}) =>
    sendImport(target(), { name, ...more }, Readable.from([Buffer.from(body)]));
  const imports = async (): Promise<readonly ImportJson[]> =>
    importsSchema.parse(await (await fetch(`${target().admin}/api/imports`)).json()).imports;

  // the command line finds it, old events stay, and are there at once
  {
    const { code, stdout } = await runAfdscope(['import', recording, '--json'], places);
    expect(code).toBe(0);
    const done = importSchema.parse(JSON.parse(stdout));
    expect(done).toMatchObject({ state: 'done', events: table.length, error: null });
    const report = await runAfdscope(['report', '--deployment', 'old', '--json'], places);
    expect(JSON.parse(report.stdout).quality).toMatchObject({ events: table.length, late: 0 });
    const status = await (await fetch(`${target().admin}/api/status`)).json();
    expect(status.live.deployments).toEqual([]);
    expect(readdirSync(join(data, 'imports'))).toEqual([]);
  }

  // files of one import come one by one, and one that cannot be read does not harm the others
  {
    const parts = [0, 1].map((s) =>
      encodeTracesProtobuf(
        slowSteps({
          seconds: 1,
          deployment: 'two',
          startUnixNs: unixNanos(OLD + BigInt(s) * 10n ** 10n),
        }),
      ),
    );
    const more = { importId: 'set-1', files: '3' };
    expect((await send('rank0.pb', parts[0]!, more)).status).toBe(202);
    expect((await send('broken.json', '{"resourceSpans":[', more)).status).toBe(202);
    expect((await imports())[0]).toMatchObject({ id: 'set-1', state: 'receiving' });
    const last = await send('rank1.pb', parts[1]!, more);
    expect(last.status).toBe(201);
    const done = importSchema.parse(last.body);
    expect(done.files.map(({ name, error }) => [name, error !== null])).toEqual([
      ['broken.json', true],
      ['rank0.pb', false],
      ['rank1.pb', false],
    ]);
    expect(done.files[0]!.error).toMatch(/^broken\.json: line 1: /);
  }

  // two at once, one after the other; the same one twice is there once
  {
    const body = encodeTracesJson(slowSteps({ seconds: 1, deployment: 'twice', startUnixNs: OLD }));
    const both = await Promise.all([
      send('t.json.gz', gzipSync(body)),
      send('t.json.gz', gzipSync(body)),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual([200, 201]);
    const [a, b] = both.map(({ body: answer }) => importSchema.parse(answer));
    expect(a!.id).toBe(b!.id);
  }

  // bad input: nothing, something else, too much, no name, no token
  {
    expect(await send('a.json', '')).toMatchObject({
      status: 422,
      body: {
        title: 'The files cannot be imported',
        detail: expect.stringContaining('a.json: is empty'),
      },
    });
    expect(await send('a.txt', 'hello')).toMatchObject({
      status: 422,
      body: { detail: expect.stringContaining('is neither JSON nor OTLP protobuf') },
    });
    expect(await send('big.json', Buffer.alloc(3_000_000))).toMatchObject({
      status: 413,
      body: { detail: expect.stringContaining('over 2000000 bytes') },
    });
    expect(await send('', 'x')).toMatchObject({ status: 400, body: { parameter: 'name' } });
    const { admin } = target();
    const asked = { admin, adminToken: 'wrong' };
    const refused = await sendImport(asked, { name: 'x' }, Readable.from([Buffer.from('x')]));
    expect(refused.status).toBe(401);
    expect(existsSync(join(data, 'imports'))).toBe(true);
    expect(readdirSync(join(data, 'imports'))).toEqual([]);
  }

  // a name that senders report under is warned of; unpinned, retention takes it
  {
    const answer = await fetch(`${collector.otlpHttp}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: Buffer.from(
        encodeTracesProtobuf(
          slowSteps({
            seconds: 1,
            deployment: 'mine',
            startUnixNs: unixNanos(BigInt(Date.now() - 5000) * 1_000_000n),
          }),
        ),
      ),
    });
    expect(answer.status).toBe(200);
    const body = encodeTracesJson(slowSteps({ seconds: 1, deployment: 'x', startUnixNs: OLD }));
    const done = importSchema.parse(
      (await send('m.json.gz', gzipSync(body), { deployment: 'mine' })).body,
    );
    expect(done.warnings).toEqual([expect.stringContaining('senders report under the name mine')]);
    const { admin, adminToken } = target();
    const gone = await fetch(`${admin}/api/imports?id=${done.id}`, {
      method: 'DELETE',
      headers: { authorization: `Bearer ${adminToken}` },
    });
    expect(await gone.json()).toMatchObject({ id: done.id, unpinned: 1 });
    expect((await imports()).map(({ id }) => id)).not.toContain(done.id);
    const window = ['--from', String(OLD), '--to', String(OLD + 10n ** 10n)];
    await expect
      .poll(
        async () => {
          const asked = ['report', '--deployment', 'mine', '--json', ...window];
          return JSON.parse((await runAfdscope(asked, places)).stdout).quality.events;
        },
        { timeout: 20_000, interval: 500 },
      )
      .toBe(0);
  }
}, 300_000);
