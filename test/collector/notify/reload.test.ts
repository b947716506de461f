/** The receivers file is read again while messages wait. */
import { expect, test } from 'vitest';
import { setupOf } from '#collector/notify/receivers-setup.ts';
import { checkReceivers } from '#lib/config/receivers.ts';
import { type HttpTarget, httpTarget } from '#test/support/http-target.ts';
import { type NotifyWorld, notifyWorld } from '#test/support/notify-world.ts';
import { sampleAlert } from '#test/support/sample-alert.ts';

const PATIENT = { timeout: 30_000, interval: 20 };

function fileOf(targets: Readonly<Record<string, HttpTarget>>): string {
  const names = Object.keys(targets);
  const receivers = names.map(
    (name) => `{name: ${name}, kind: webhook, url: "${targets[name]!.url}/x"}`,
  );
  const routes = names.map((name) => `{receiver: ${name}, group_wait: 0s, continue: true}`);
  return `receivers: [${receivers.join(', ')}]\nroutes: [${routes.join(', ')}]`;
}

async function reload(world: NotifyWorld, text: string): Promise<void> {
  const file = checkReceivers(text, `${world.data}/receivers.yaml`);
  if (!file.ok) throw new Error(file.error.join('\n'));
  const setup = setupOf(file.value, 'receivers.yaml');
  if (!setup.ok) throw new Error(setup.error.join('\n'));
  await world.notifier.reload(setup.value);
}

test('what waits for a receiver goes where the new file says, under the same key', async () => {
  const dead = await httpTarget({ script: Array.from({ length: 500 }, () => 503) });
  const live = await httpTarget();
  const world = await notifyWorld({ receivers: fileOf({ a: dead }) });
  await world.look([sampleAlert('one')]);
  await expect.poll(() => dead.posts.length, PATIENT).toBeGreaterThan(0);
  await reload(world, fileOf({ a: live }));
  await expect.poll(() => live.accepted.length, PATIENT).toBe(1);
  await expect.poll(async () => (await world.deliveries())[0]?.state, PATIENT).toBe('sent');
  const keyOf = ({ headers }: HttpTarget['posts'][number]) => headers['idempotency-key'];
  expect(keyOf(live.accepted[0]!)).toBe(keyOf(dead.posts[0]!));
  expect(await world.deliveries()).toHaveLength(1);
});

test('one that is as it was goes on, a new one is told from the next message on, one that is gone is not', async () => {
  const dead = await httpTarget({ script: Array.from({ length: 500 }, () => 503) });
  const kept = await httpTarget();
  const added = await httpTarget();
  const world = await notifyWorld({ receivers: fileOf({ dead, kept }) });
  await world.look([sampleAlert('one')]);
  await expect.poll(() => kept.accepted.length, PATIENT).toBe(1);
  await reload(world, fileOf({ kept, added }));
  expect(
    world.notifier
      .receivers()
      .map(({ name }) => name)
      .sort(),
  ).toEqual(['added', 'kept']);
  await expect
    .poll(
      async () => (await world.deliveries()).find(({ receiver }) => receiver === 'dead'),
      PATIENT,
    )
    .toMatchObject({ state: 'failed', lastError: 'there is no receiver "dead" any more' });
  await world.look([sampleAlert('one')]);
  await expect.poll(() => added.accepted.length, PATIENT).toBe(1);
  expect(kept.accepted).toHaveLength(1);
});

test('messages of before a start with a file that could not be used are sent once it can', async () => {
  const target = await httpTarget({ script: Array.from({ length: 500 }, () => 503) });
  const first = await notifyWorld({ receivers: fileOf({ a: target }) });
  await first.look([sampleAlert('one')]);
  await expect.poll(() => target.posts.length, PATIENT).toBeGreaterThan(0);
  await first.close();
  const live = await httpTarget();
  const world = await notifyWorld({
    data: first.data,
    receivers: 'receivers: []\nroutes: []',
    keepsUnknown: true,
  });
  expect((await world.deliveries()).map(({ state }) => state)).toEqual(['waiting']);
  await reload(world, fileOf({ a: live }));
  await expect.poll(() => live.accepted.length, PATIENT).toBe(1);
});
