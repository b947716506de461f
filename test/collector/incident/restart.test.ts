/** Incidents of real processes: frozen from the command line, killed, restarted, and without a collector. */
import { existsSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type IncidentDetail, incidentDetailSchema, incidentsSchema } from '#lib/api/incidents.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { incidentDetail } from '#lib/query/incidents.ts';
import { openStateReader, openTelemetryReader } from '#lib/store/open-store.ts';
import { runAfdscope, startCollector } from '#test/support/afdscope-process.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const SOON = { timeout: 90_000, interval: 500 };

/** Twelve steps of a small cluster, so many seconds ago. */
async function sendSteps(otlpHttp: string, secondsAgo: number): Promise<number> {
  const spec = scenarioSpec('healthy', { attentionWorkers: 2, ffnWorkers: 1, layers: 5 });
  const startUnixNs = unixNanosFromMs(Date.now() - secondsAgo * 1000);
  const table = simulateSteps(spec, { steps: 12, seed: secondsAgo, startUnixNs });
  const answer = await fetch(`${otlpHttp}/v1/traces`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-protobuf' },
    body: new Uint8Array(encodeTracesProtobuf(table)),
  });
  expect(answer.status).toBe(200);
  return table.length;
}

async function keptEvents(dataDir: string): Promise<number> {
  const reader = await openTelemetryReader({ data: dataDir });
  let events = 0;
  for await (const { length } of reader.scanEvents({ deployment: 'demo' })) events += length;
  await reader.close();
  return events;
}

/** As it is on disk. */
async function storedIncident(dataDir: string, incidentId: string): Promise<IncidentDetail> {
  const state = await openStateReader({ data: dataDir });
  const detail = await incidentDetail(state, { incidentId });
  await state.close();
  return detail;
}

test('frozen, killed, finished after the restart, kept from retention, and changed without a collector', async () => {
  const dataDir = scratchFolder();
  const on = async (args: readonly string[], code = 0) => {
    const done = await runAfdscope([...args, '--data', dataDir]);
    expect(done).toMatchObject({ code });
    return done;
  };
  const none = await on(['incidents', 'freeze', '--last', '5m'], 1);
  expect(none.stderr).toContain('database');
  expect(existsSync(join(dataDir, 'afdscope.db'))).toBe(false);

  const first = await startCollector(dataDir);
  const old = await sendSteps(first.otlpHttp, 400);
  const recent = await sendSteps(first.otlpHttp, 20);
  expect(await keptEvents(dataDir)).toBe(old + recent);
  const refused = await on(['incidents', 'freeze', '--last', '1s'], 1);
  expect(refused.stderr).toContain('No raw events of demo are kept in this window');
  const made = await on([
    'incidents',
    'freeze',
    '--last',
    '2m',
    '--note',
    'it stood still',
    '--author',
    'ann',
    '--json',
  ]);
  process.kill(first.pid, 'SIGKILL');
  await first.process.finished;
  const { id } = JSON.parse(made.stdout) as { id: string };
  const shown = () => storedIncident(dataDir, id);
  expect((await shown()).incident).toMatchObject({
    evidence: 'recording',
    notes: [{ author: 'ann', text: 'it stood still' }],
  });

  const second = await startCollector(dataDir, { AFDSCOPE_RETENTION_RAW: '1s' });
  await expect.poll(() => keptEvents(dataDir), SOON).toBe(recent);
  await expect.poll(async () => (await shown()).incident.evidence, SOON).toBe('kept');
  expect((await shown()).report).toMatchObject({ exactness: 'raw', quality: { events: recent } });
  expect((await shown()).setup.config['retention.raw']).toBe('2h');
  await on(['incidents', 'acknowledge', id]);
  const unknown = await on(['incidents', 'resolve', 'nobody'], 1);
  expect(unknown.stderr).toContain('There is no incident "nobody"');
  process.kill(second.pid, 'SIGTERM');
  expect((await second.process.finished).code).toBe(0);

  // Nothing runs: the command takes the lock.
  await on(['incidents', 'resolve', id, '--note', 'a cable']);
  const another = await on(['incidents', 'freeze', '--last', '10m', '--title', 'again', '--json']);
  const listed = incidentsSchema.parse(
    JSON.parse((await on(['incidents', 'list', '--json'])).stdout),
  );
  expect(listed.incidents).toMatchObject([
    { title: 'again', evidence: expect.stringMatching(/kept|partial/) },
    { id, status: 'resolved' },
  ]);
  expect((await on(['incidents', 'list'])).stdout).toMatch(/^id +status +severity +raw events/);
  expect((await on(['incidents', 'show', id])).stdout).toContain('a cable');
  const json = (await on(['incidents', 'show', id, '--json'])).stdout;
  expect(incidentDetailSchema.parse(JSON.parse(json))).toEqual(await shown());
  const html = (await on(['incidents', 'report', id, '--html', '-'])).stdout;
  expect(html).toContain('it stood still');
  const file = join(dataDir, 'incident.afdscope');
  await on(['export', '--incident', id, '--format', 'archive', '-o', file]);
  expect(statSync(file).size).toBeGreaterThan(1000);
  await on(['incidents', 'release', id]);
  expect((await shown()).incident.evidence).toBe('released');
  await on(['incidents', 'delete', (JSON.parse(another.stdout) as { id: string }).id]);
  const reader = await openTelemetryReader({ data: dataDir });
  expect(await reader.pins()).toEqual([]);
  await reader.close();
}, 600_000);
