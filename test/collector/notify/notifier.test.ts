import { describe, expect, test, vi } from 'vitest';
import { webhookMessageSchema } from '#lib/api/webhook-message.ts';
import { type HttpTarget, httpTarget, type ReceivedPost } from '#test/support/http-target.ts';
import { NotifyWorld, notifyWorld } from '#test/support/notify-world.ts';
import { ended, sampleAlert } from '#test/support/sample-alert.ts';

const PATIENT = { timeout: 20_000, interval: 20 };
const ROUTE = 'group_wait: 0s, group_interval: 1s';

function hook(target: HttpTarget, name = 'hook'): string {
  return `{name: ${name}, kind: webhook, url: "${target.url}/alerts"}`;
}

function one(target: HttpTarget): string {
  return `
receivers: [${hook(target)}]
routes: [{receiver: hook, ${ROUTE}}]`;
}

function alertsOf(post: ReceivedPost): string[] {
  const { alerts } = webhookMessageSchema.parse(post.body);
  return alerts.map(({ fingerprint, status }) => `${fingerprint} ${status}`);
}

describe('a message', () => {
  test('is sent once, after its commit, and written down as sent', async () => {
    const target = await httpTarget();
    const world = await notifyWorld({ receivers: one(target) });
    const alerts = [sampleAlert('a'), sampleAlert('b')];
    const planned = world.notifier.plan(alerts, Date.now());
    expect(planned.map(({ kind }) => kind).sort()).toEqual(['delivery', 'notify-group']);
    await world.change({ put: planned });
    expect(target.posts).toEqual([]);
    world.notifier.committed();
    await expect.poll(() => target.accepted.length, PATIENT).toBe(1);
    await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('sent');
    await world.look(alerts);
    expect(alertsOf(target.accepted[0]!)).toEqual(['a firing', 'b firing']);
    expect(await world.deliveries()).toMatchObject([
      { receiver: 'hook', kind: 'webhook', status: 'firing', attempts: 1, lastError: null },
    ]);
    const attempts = await world.store.logged({ topic: 'attempt', order: 'oldest' });
    expect(attempts.map(({ detail }) => JSON.parse(detail))).toMatchObject([
      { receiver: 'hook', attempt: 1, outcome: 'sent', detail: '200 OK' },
    ]);
  });

  test('of a plan that was not written is planned again and sent once', async () => {
    const target = await httpTarget();
    const world = await notifyWorld({ receivers: one(target) });
    world.refuses = true;
    await expect(world.look([sampleAlert('a')])).rejects.toThrow('the disk is full');
    world.refuses = false;
    await world.look([sampleAlert('a')]);
    await expect.poll(() => target.accepted.length, PATIENT).toBe(1);
    expect((await world.deliveries()).length).toBe(1);
  });

  test('survives a receiver that fails three times, with one key', async () => {
    const target = await httpTarget({ script: [500, 503, 'close', 'half'] });
    const world = await notifyWorld({ receivers: one(target) });
    await world.look([sampleAlert('a')]);
    await expect.poll(() => target.accepted.length, PATIENT).toBe(1);
    const keys = target.posts.map(({ headers }) => headers['idempotency-key']);
    expect(keys.length).toBe(5);
    expect(new Set(keys).size).toBe(1);
    await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('sent');
    const attempts = await world.store.logged({ topic: 'attempt', order: 'oldest' });
    expect(attempts.map(({ detail }) => JSON.parse(detail).detail)).toEqual([
      expect.stringContaining('500 Internal Server Error'),
      expect.stringContaining('503 Service Unavailable'),
      expect.stringContaining('closed the connection without an answer'),
      expect.stringContaining('closed the connection'),
      '200 OK',
    ]);
  });

  test('waits for a receiver that is down, through restarts of both sides', async () => {
    const target = await httpTarget();
    await target.stop();
    const receivers = one(target);
    const world = await notifyWorld({ receivers });
    await world.look([sampleAlert('a')]);
    await expect
      .poll(async () => (await world.deliveries())[0]?.attempts, PATIENT)
      .toBeGreaterThan(1);
    await world.close();
    await target.start();
    const second = new NotifyWorld({ receivers, data: world.data });
    await second.open();
    await expect.poll(() => target.accepted.length, PATIENT).toBe(1);
    await expect.poll(async () => (await second.deliveries())[0]?.state, PATIENT).toBe('sent');
    // Known to be told: nothing is said twice after the restart.
    await second.look([sampleAlert('a')], Date.now() + 3_600_000);
    expect((await second.deliveries()).length).toBe(1);
    await second.notifier.stop();
    world.store = second.store;
  });

  test('to a receiver that hangs delays no other', async () => {
    const slow = await httpTarget({ normal: 'hang' });
    const fast = await httpTarget();
    const world = await notifyWorld({
      receivers: `
receivers: [${hook(slow, 'slow')}, ${hook(fast, 'fast')}]
routes: [{receiver: slow, continue: true, ${ROUTE}}, {receiver: fast, ${ROUTE}}]`,
      patience: { timeoutMs: 15_000 },
    });
    await world.look([sampleAlert('a')]);
    await expect.poll(() => fast.accepted.length, PATIENT).toBe(1);
    await world.look([sampleAlert('a'), sampleAlert('b', { rule: 'hang' })]);
    await expect.poll(() => fast.accepted.length, PATIENT).toBe(2);
    expect(slow.posts.length).toBe(1);
    const states = (await world.deliveries()).map(({ receiver, state }) => `${receiver} ${state}`);
    expect(states).toContain('slow waiting');
  });

  test('that times out is tried again', async () => {
    const target = await httpTarget({ script: ['hang'] });
    const world = await notifyWorld({ receivers: one(target), patience: { timeoutMs: 200 } });
    await world.look([sampleAlert('a')]);
    await expect.poll(() => target.accepted.length, PATIENT).toBe(1);
    const attempts = await world.store.logged({ topic: 'attempt', order: 'oldest' });
    expect(JSON.parse(attempts[0]!.detail).detail).toBe('timed out after 0.2 s');
  });

  test('is given up after its time, and that is shown', async () => {
    const target = await httpTarget({ normal: 500 });
    const world = await notifyWorld({ receivers: one(target), patience: { giveUpAfterMs: 100 } });
    await world.look([sampleAlert('a')]);
    await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('failed');
    expect((await world.deliveries())[0]?.lastError).toMatch(/500 .*given up/);
    expect(world.notifier.counts.all()).toMatchObject([
      { receiver: 'hook', givenUp: 1, waiting: 0 },
    ]);
  });

  test('that the receiver will never take is not tried again', async () => {
    const target = await httpTarget({ normal: 400 });
    const world = await notifyWorld({ receivers: one(target) });
    await world.look([sampleAlert('a')]);
    await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('failed');
    expect(target.posts.length).toBe(1);
  });

  test('comes no sooner than the receiver asks for', async () => {
    const target = await httpTarget({ script: [429] });
    target.retryAfterSeconds = 3600;
    const world = await notifyWorld({ receivers: one(target) });
    await world.look([sampleAlert('a')]);
    await vi.waitFor(async () => {
      const [delivery] = await world.deliveries();
      expect(delivery!.attempts).toBe(1);
      expect(delivery!.nextAttemptUnixMs! - delivery!.lastAttemptUnixMs!).toBe(3_600_000);
    }, PATIENT);
  });

  test('to a receiver that left the file is shown as failed', async () => {
    const target = await httpTarget();
    await target.stop();
    const world = await notifyWorld({ receivers: one(target) });
    await world.look([sampleAlert('a')]);
    await world.close();
    const receivers = one(target).replaceAll(' hook', ' other');
    const second = await new NotifyWorld({ receivers, data: world.data }).open();
    await expect.poll(async () => (await second.deliveries())[0]?.state, PATIENT).toBe('failed');
    expect((await second.deliveries())[0]?.lastError).toBe('there is no receiver "hook" any more');
    await second.notifier.stop();
    world.store = second.store;
  });
});

describe('news about what was not sent yet', () => {
  test('takes the place of the message, under another key, and says both times', async () => {
    const target = await httpTarget();
    await target.stop();
    const world = await notifyWorld({ receivers: one(target) });
    const now = Date.now();
    await world.look([sampleAlert('a')], now);
    await expect
      .poll(async () => (await world.deliveries())[0]?.attempts, PATIENT)
      .toBeGreaterThan(0);
    const before = (await world.deliveries())[0]!.dedupKey;
    // Planned between two tries: while one is under way a message of its own would follow it.
    const over = [ended(sampleAlert('a')), sampleAlert('b')];
    await world.look(over, now + 5000);
    await target.start();
    await expect.poll(() => target.accepted.flatMap(alertsOf), PATIENT).toContain('a resolved');
    const messages = target.accepted.map(({ body }) => webhookMessageSchema.parse(body));
    const last = messages.at(-1)!;
    expect(last.alerts.map(({ fingerprint }) => fingerprint)).toEqual(['b', 'a']);
    expect(last.alerts[1]).toMatchObject({
      startsAt: '2026-11-27T12:00:00.000Z',
      endsAt: '2026-11-27T12:01:00.000Z',
    });
    expect(target.accepted.at(-1)!.headers['idempotency-key']).not.toBe(before);
  });
});
