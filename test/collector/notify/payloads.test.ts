/** What Slack, PagerDuty and webhooks are sent, and that no secret leaves by another way. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { linksOf } from '#collector/notify/message-links.ts';
import { pagerDutyEvent } from '#collector/notify/pagerduty.ts';
import { slackMessage } from '#collector/notify/slack.ts';
import { webhookMessage } from '#collector/notify/webhook.ts';
import type { NotifyMessage } from '#lib/alert/notify-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import { webhookMessageSchema } from '#lib/api/webhook-message.ts';
import { parseTimeline } from '#lib/view/timeline-url.ts';
import { parsePageState } from '#lib/view/url-state.ts';
import { httpTarget } from '#test/support/http-target.ts';
import { EXTERNAL_URL, notifyWorld } from '#test/support/notify-world.ts';
import { ALERT_START_MS, ended, sampleAlert } from '#test/support/sample-alert.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const PATIENT = { timeout: 30_000, interval: 20 };

function message(
  alerts: readonly AlertJson[],
  changes: Partial<NotifyMessage> = {},
): NotifyMessage {
  return {
    groupKey: 'hook:{alertname="straggler"}',
    groupLabels: { alertname: 'straggler' },
    action: 'alerts',
    isRepeat: false,
    alerts: [...alerts],
    truncatedAlerts: 0,
    held: null,
    ...changes,
  };
}

describe('links', () => {
  test('to the page open the alert, where it can be silenced', () => {
    const links = linksOf(sampleAlert('a/1'), EXTERNAL_URL);
    const state = parsePageState(new URL(links.silence).searchParams);
    expect(state).toMatchObject({ deployment: 'prod', alerts: { tab: 'active', alert: 'a/1' } });
  });

  test('to the timeline show the time and the worker of the alert', () => {
    const links = linksOf(ended(sampleAlert('a')), EXTERNAL_URL);
    const link = parseTimeline(new URL(links.timeline).searchParams);
    const fromMs = Number(link.viewport!.fromUnixNs / 1_000_000n);
    const toMs = fromMs + link.viewport!.spanNs / 1e6;
    expect(fromMs).toBeLessThan(ALERT_START_MS);
    expect(toMs).toBeGreaterThan(ALERT_START_MS + 60_000);
    expect(link.rows.pinned).toEqual(['ffn/a']);
  });
});

describe('webhooks', () => {
  test('have Alertmanager’s form, with what all alerts share', () => {
    const alerts = [
      sampleAlert('a', { incidentId: 'i-1', runbook: 'https://run.example' }),
      ended(sampleAlert('b')),
    ];
    const sent = webhookMessage(message(alerts), 'hook', EXTERNAL_URL, 0);
    expect(webhookMessageSchema.strict().parse(sent)).toEqual(sent);
    expect(sent).toMatchObject({
      version: '4',
      status: 'firing',
      receiver: 'hook',
      externalURL: EXTERNAL_URL,
      commonLabels: { alertname: 'straggler', deployment: 'prod', severity: 'warning' },
      commonAnnotations: { value: 'straggler_score 6.25 > 4' },
    });
    expect(sent.alerts[0]).toMatchObject({
      status: 'firing',
      startsAt: '2026-11-27T12:00:00.000Z',
      endsAt: '0001-01-01T00:00:00Z',
      annotations: {
        incident: `${EXTERNAL_URL}/incidents/i-1`,
        runbook_url: 'https://run.example',
      },
    });
    expect(sent.alerts[1]).toMatchObject({
      status: 'resolved',
      endsAt: '2026-11-27T12:01:00.000Z',
    });
  });

  test('say how many alerts they leave out, and what the rate limit did', () => {
    const alerts = ['a', 'b', 'c'].map((id) => sampleAlert(id));
    const held = { forMs: 90_000, groups: 4 };
    const sent = webhookMessage(
      message(alerts, { truncatedAlerts: 5, held }),
      'hook',
      EXTERNAL_URL,
      2,
    );
    expect(sent.alerts.length).toBe(2);
    expect(sent.truncatedAlerts).toBe(6);
    expect(sent.commonAnnotations.rate_limit).toBe(
      "held back for 90 s, 4 messages merged into this one by the receiver's rate limit",
    );
  });
});

describe('Slack', () => {
  test('gets text and blocks with links; what people wrote is no markup', () => {
    const alert = sampleAlert('a', {
      incidentId: 'i-1',
      annotations: { summary: '<!channel> & co', description: 'why' },
    });
    const { text, blocks } = slackMessage(message([alert]), EXTERNAL_URL);
    expect(text).toBe('[FIRING] straggler in prod\nfiring: &lt;!channel&gt; &amp; co');
    const section = JSON.stringify(blocks[1]);
    expect(section).toContain('*FIRING* warning: *&lt;!channel&gt; &amp; co*');
    expect(section).toContain(`<${EXTERNAL_URL}/incidents/i-1|Incident>`);
    expect(section).toContain('|Timeline>');
    expect(section).toContain('|Silence>');
    expect(section).not.toContain('<!channel>');
  });

  test('gets no more than it takes', () => {
    const long = 'x'.repeat(4000);
    const alerts = Array.from({ length: 100 }, (_, i) =>
      sampleAlert(`w${i}`, { annotations: { summary: long, description: long } }),
    );
    const { text, blocks } = slackMessage(message(alerts), EXTERNAL_URL);
    expect(blocks.length).toBeLessThanOrEqual(50);
    expect(text.length).toBeLessThanOrEqual(3000);
    for (const block of blocks) {
      if (block.type === 'context') continue;
      expect(block.text.text.length).toBeLessThanOrEqual(block.type === 'header' ? 150 : 3000);
    }
    expect(JSON.stringify(blocks)).toContain('80 more');
    expect(JSON.stringify(blocks[1])).toContain('|Timeline>');
  });
});

describe('PagerDuty', () => {
  test('gets the steps of an alert under its id', () => {
    const alert = sampleAlert('a', { severity: 'critical', incidentId: 'i-1' });
    const event = pagerDutyEvent(message([alert]), 'a', EXTERNAL_URL);
    expect(event).toMatchObject({
      event_action: 'trigger',
      dedup_key: 'a',
      client_url: `${EXTERNAL_URL}/alerts?d=prod&alert=a`,
      payload: {
        summary: 'a is slow',
        source: 'ffn/a',
        severity: 'critical',
        timestamp: '2026-11-27T12:00:00.000Z',
        group: 'prod',
        class: 'straggler',
        custom_details: { labels: { worker: 'ffn/a' } },
      },
    });
    expect(event.links[0]).toEqual({ href: `${EXTERNAL_URL}/incidents/i-1`, text: 'Incident' });
    const taken = pagerDutyEvent(message([alert], { action: 'acknowledge' }), 'a', EXTERNAL_URL);
    expect(taken.event_action).toBe('acknowledge');
    const over = pagerDutyEvent(message([ended(alert)]), 'a', EXTERNAL_URL);
    expect(over.event_action).toBe('resolve');
  });
});

describe('secrets', () => {
  test('are read when they are needed, and never shown, though the other side repeats them', async () => {
    const target = await httpTarget({ normal: 500 });
    target.echoes = true;
    const data = scratchFolder();
    const write = (version: number) => {
      writeFileSync(join(data, 'slack'), `${target.url}/services/T0/B0/slackSecret${version}\n`);
      writeFileSync(join(data, 'pager'), `pagerSecret${version}\n`);
      writeFileSync(join(data, 'token'), `tokenSecret${version}\n`);
    };
    const world = await notifyWorld({
      data,
      env: { HOOK_URL: `${target.url}/hookSecret1` },
      receivers: `
receivers:
  - {name: slack, kind: slack, url: {file: slack}}
  - {name: pager, kind: pagerduty, url: "${target.url}/v2/enqueue", routing_key: {file: pager}}
  - {name: hook, kind: webhook, url: {env: HOOK_URL}, bearer: {file: token}, headers: {X-Team: afd}}
  - {name: lost, kind: webhook, url: {env: NOT_SET}}
routes:
  - {receiver: slack, group_wait: 0s, continue: true}
  - {receiver: pager, group_wait: 0s, continue: true}
  - {receiver: hook, group_wait: 0s, continue: true}
  - {receiver: lost, group_wait: 0s}`,
    });
    await world.look([sampleAlert('a')]);
    // Nothing to read yet: said so, and tried again.
    await expect
      .poll(async () => (await world.deliveries()).map(({ lastError }) => lastError), PATIENT)
      .toContain("the secret's file slack cannot be read (ENOENT)");
    write(1);
    await expect.poll(() => target.posts.length, PATIENT).toBeGreaterThan(5);
    write(2);
    target.normal = 200;
    await expect.poll(() => target.accepted.length, PATIENT).toBe(3);
    const bodies = JSON.stringify(target.accepted.map(({ body }) => body));
    expect(bodies).toContain('"routing_key":"pagerSecret2"');
    expect(target.accepted.map(({ path }) => path).sort()).toEqual([
      '/hookSecret1',
      '/services/T0/B0/slackSecret2',
      '/v2/enqueue',
    ]);
    const hook = target.accepted.find(({ path }) => path.startsWith('/hook'))!;
    expect(hook.headers).toMatchObject({ authorization: 'Bearer tokenSecret2', 'x-team': 'afd' });
    const documents = await world.store.documents({ kind: 'delivery' });
    const attempts = await world.store.logged({ topic: 'attempt', order: 'oldest' });
    const shown = [...documents, ...attempts].map(({ detail }) => detail).join('\n');
    expect(shown).toContain('500 Internal Server Error');
    expect(shown).toContain('the variable NOT_SET is not set');
    expect(`${shown}\n${world.logs.join('\n')}`).not.toMatch(/Secret\d|T0|B0/);
  });
});

describe('a test message', () => {
  test('is sent at once to each kind, and says what came of it', async () => {
    const target = await httpTarget();
    const world = await notifyWorld({
      env: { SLACK: `${target.url}/slack`, KEY: 'routing-key' },
      receivers: `
receivers:
  - {name: slack, kind: slack, url: {env: SLACK}}
  - {name: pager, kind: pagerduty, url: "${target.url}/pager", routing_key: {env: KEY}}
routes: [{receiver: slack}]`,
    });
    expect(await world.notifier.testMessage('slack')).toEqual({
      kind: 'slack',
      ok: true,
      detail: '200 OK',
    });
    expect(JSON.stringify(target.posts[0]!.body)).toContain('Test message of afdscope');
    expect(await world.notifier.testMessage('pager')).toMatchObject({ ok: true });
    const actions = target.posts
      .slice(1)
      .map(({ body }) => Reflect.get(Object(body), 'event_action'));
    expect(actions).toEqual(['trigger', 'resolve']);
    expect(await world.notifier.testMessage('nobody')).toBeNull();
    await target.stop();
    expect(await world.notifier.testMessage('slack')).toEqual({
      kind: 'slack',
      ok: false,
      detail: `${new URL(target.url).host}: refused the connection`,
    });
    expect(await world.deliveries()).toEqual([]);
  });
});
