/** A collector that is killed between the firing of an alert and the answer of its receiver. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { alertsSchema } from '#lib/api/alerts.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { alertHistory } from '#lib/query/alerts.ts';
import { openStateReader } from '#lib/store/open-store.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { type Started, startCollector } from '#test/support/afdscope-process.ts';
import { HttpTarget } from '#test/support/http-target.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const PATIENT = { timeout: 60_000, interval: 200 };

/** Sends a step of so long every 50 ms until the test ends, to whichever collector runs. */
function sendSteps(otlpHttp: () => string, durationMs: () => number): void {
  let step = 0;
  const timer = setInterval(() => {
    const builder = new EventTableBuilder(unixNanosFromMs(Date.now() - durationMs()), [
      testWorker(0),
    ]);
    const durationNs = durationMs() * 1e6;
    builder.add({ startNs: 0, durationNs, worker: 0, stage: 0, kind: 0, step: step++ });
    fetch(`${otlpHttp()}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: new Uint8Array(encodeTracesProtobuf(builder.finish())),
    }).catch(() => undefined);
  }, 50);
  onTestFinished(() => clearInterval(timer));
}

async function slowAlerts(collector: Started) {
  const answer = await fetch(`${collector.admin}/api/alerts`);
  return alertsSchema.parse(await answer.json()).alerts.filter(({ rule }) => rule === 'slow-step');
}

test('is told again with the same key, and the alert goes on as it was', async () => {
  const data = scratchFolder();
  const target = await new HttpTarget().start();
  writeFileSync(
    join(data, 'rules.yaml'),
    'rules: [{name: slow-step, metric: step_latency_seconds, threshold: 0.05, window: 2s, for: 1s, record: false}]',
  );
  writeFileSync(
    join(data, 'receivers.yaml'),
    `receivers: [{name: hook, kind: webhook, url: "${target.url}"}]
routes: [{receiver: hook, matchers: ['alertname="slow-step"'], group_wait: 0s}]`,
  );
  const env = {
    AFDSCOPE_ALERTS_RULES: join(data, 'rules.yaml'),
    AFDSCOPE_ALERTS_RECEIVERS: join(data, 'receivers.yaml'),
  };
  let collector = await startCollector(data, env);
  let durationMs = 100;
  sendSteps(
    () => collector.otlpHttp,
    () => durationMs,
  );

  target.normal = 'hang';
  await expect.poll(() => target.posts.length, PATIENT).toBeGreaterThan(0);
  const [before] = await slowAlerts(collector);
  expect(before).toMatchObject({ state: 'firing', deployment: 'prod' });
  collector.process.child.kill('SIGKILL');
  await collector.process.finished;
  const sent = target.posts.length;

  target.normal = 200;
  collector = await startCollector(data, env);
  await expect.poll(() => target.accepted.length, PATIENT).toBeGreaterThan(0);
  expect(target.posts[sent]!.headers['idempotency-key']).toBe(
    target.posts[0]!.headers['idempotency-key'],
  );
  const [after] = await slowAlerts(collector);
  expect(after).toMatchObject({
    id: before!.id,
    startsAtUnixMs: before!.startsAtUnixMs,
    firedAtUnixMs: before!.firedAtUnixMs,
    firedCount: 1,
  });

  durationMs = 10;
  await expect.poll(async () => (await slowAlerts(collector))[0]?.state, PATIENT).toBe('resolved');
  await expect
    .poll(() => target.accepted.at(-1)?.body, PATIENT)
    .toMatchObject({ status: 'resolved' });
  const reader = await openStateReader({ data });
  const { events } = await alertHistory(reader, { rule: 'slow-step' }, unixNanosFromMs(Date.now()));
  await reader.close();
  expect(events.map(({ change }) => change).filter((change) => change !== 'pending')).toEqual([
    'resolved',
    'firing',
  ]);
}, 180_000);
