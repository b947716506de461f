/** Against the real Alertmanager, read back with amtool. */
import { describe, expect, test } from 'vitest';
import { webhookMessageSchema } from '#lib/api/webhook-message.ts';
import { alertmanagerMissing, startAlertmanager } from '#test/support/alertmanager.ts';
import { httpTarget } from '#test/support/http-target.ts';
import { EXTERNAL_URL, notifyWorld } from '#test/support/notify-world.ts';
import { sampleAlert } from '#test/support/sample-alert.ts';

const PATIENT = { timeout: 60_000, interval: 200 };
const missing = alertmanagerMissing();
if (missing !== null) process.stderr.write(`skipped, ${missing}\n`);

describe.skipIf(missing !== null)(`Alertmanager (${missing ?? 'there'})`, () => {
  test('takes alerts, hears of them again and of their end; its own call has our form', async () => {
    const back = await httpTarget();
    const alertmanager = await startAlertmanager({ webhook: `${back.url}/back` });
    const world = await notifyWorld({
      receivers: `
receivers: [{name: am, kind: alertmanager, url: "${alertmanager.url}/", resend_interval: 1s}]
routes: [{receiver: am}]`,
    });
    const nowUnixMs = Date.now();
    const alert = sampleAlert('a', {
      startsAtUnixMs: nowUnixMs - 30_000,
      updatedAtUnixMs: nowUnixMs,
      incidentId: 'i-1',
    });
    await world.look([alert]);
    await expect.poll(() => alertmanager.alerts().length, PATIENT).toBe(1);
    const [taken] = alertmanager.alerts();
    expect(taken).toMatchObject({
      labels: { alertname: 'straggler', deployment: 'prod', severity: 'warning', worker: 'ffn/a' },
      annotations: { summary: 'a is slow', incident: `${EXTERNAL_URL}/incidents/i-1` },
      generatorURL: `${EXTERNAL_URL}/alerts?d=prod&alert=a`,
    });
    expect(Date.parse(taken!.startsAt)).toBe(alert.startsAtUnixMs);

    // It would end by itself after four intervals; it is told again and goes on.
    const until = Date.parse(taken!.endsAt) + 4000;
    await expect
      .poll(() => Date.parse(alertmanager.alerts()[0]?.endsAt ?? ''), PATIENT)
      .toBeGreaterThan(until);

    await world.look([{ ...alert, state: 'resolved', resolvedAtUnixMs: Date.now() }]);
    await expect.poll(() => alertmanager.alerts().length, PATIENT).toBe(0);

    // What it calls its webhook receivers with is what we call ours with.
    const statuses = () => back.posts.map(({ body }) => webhookMessageSchema.parse(body).status);
    await expect.poll(statuses, PATIENT).toEqual(['firing', 'resolved']);
    const message = webhookMessageSchema.strict().parse(back.posts[0]!.body);
    expect(message.alerts[0]).toMatchObject({ status: 'firing', labels: { worker: 'ffn/a' } });
    expect(
      (await world.deliveries()).map(({ state, status }) => `${status} ${state}`).sort(),
    ).toEqual(['firing sent', 'resolved sent']);
  }, 180_000);

  test('takes alerts whose times lie ahead of its clock', async () => {
    const back = await httpTarget();
    const alertmanager = await startAlertmanager({ webhook: back.url });
    const world = await notifyWorld({
      receivers: `
receivers: [{name: am, kind: alertmanager, url: "${alertmanager.url}"}]
routes: [{receiver: am}]`,
    });
    const ahead = Date.now() + 600_000;
    const alert = sampleAlert('a', { startsAtUnixMs: ahead, updatedAtUnixMs: ahead });
    await world.look([alert]);
    await expect.poll(() => alertmanager.alerts().length, PATIENT).toBe(1);
    await world.look([{ ...alert, state: 'resolved', resolvedAtUnixMs: ahead + 1000 }]);
    await expect.poll(() => alertmanager.alerts().length, PATIENT).toBe(0);
  }, 120_000);
});
