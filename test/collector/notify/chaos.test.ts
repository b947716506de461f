/** Receivers that fail in every way, in an order that a seed gives: nothing is lost, nobody is delayed. */
import { expect, test } from 'vitest';
import type { AlertJson } from '#lib/api/alerts.ts';
import { webhookMessageSchema } from '#lib/api/webhook-message.ts';
import { Random } from '#lib/base/random.ts';
import { type Behaviour, type HttpTarget, httpTarget } from '#test/support/http-target.ts';
import { notifyWorld } from '#test/support/notify-world.ts';
import { ended, sampleAlert } from '#test/support/sample-alert.ts';

const PATIENT = { timeout: 60_000, interval: 50 };
const BEHAVIOURS: readonly Behaviour[] = [200, 500, 503, 429, 'close', 'half', 'hang', 200];

/** The state of each alert as the receiver heard it last. */
function believed(target: HttpTarget): Record<string, string> {
  const all = target.accepted.flatMap(({ body }) => webhookMessageSchema.parse(body).alerts);
  return Object.fromEntries(all.map(({ fingerprint, status }) => [fingerprint, status]));
}

test.each([1, 2, 3])('seed %i', async (seed) => {
  const random = new Random(seed);
  const wild = await httpTarget();
  const calm = await httpTarget();
  const world = await notifyWorld({
    receivers: `
receivers:
  - {name: wild, kind: webhook, url: "${wild.url}"}
  - {name: calm, kind: webhook, url: "${calm.url}"}
routes:
  - {receiver: wild, group_by: [worker], group_wait: 0s, group_interval: 1s, continue: true}
  - {receiver: calm, group_by: [worker], group_wait: 0s, group_interval: 1s}`,
    patience: { timeoutMs: 100 },
  });
  const alerts = new Map<string, AlertJson>();
  let now = Date.now();
  for (let round = 0; round < 25; round++) {
    const id = `w${Math.floor(random.uniform() * 8)}`;
    const fires = random.uniform() < 0.6;
    // What never fired cannot end.
    if (fires || alerts.has(id)) {
      alerts.set(id, fires ? sampleAlert(id) : ended(sampleAlert(id)));
    }
    wild.script = Array.from(
      { length: 4 },
      () => BEHAVIOURS[Math.floor(random.uniform() * BEHAVIOURS.length)]!,
    );
    if (random.uniform() < 0.3) {
      await wild.stop();
      if (random.uniform() < 0.7) await wild.start();
    } else if (!wild.isRunning) await wild.start();
    now += 1500;
    await world.look([...alerts.values()], now);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  if (!wild.isRunning) await wild.start();
  wild.script = [];
  now += 5000;
  await world.look([...alerts.values()], now);
  const truth = Object.fromEntries(
    [...alerts].map(([id, { state }]) => [id, state === 'firing' ? 'firing' : 'resolved']),
  );
  await expect.poll(() => believed(wild), PATIENT).toEqual(truth);
  await expect.poll(() => believed(calm), PATIENT).toEqual(truth);
  await expect
    .poll(async () => (await world.deliveries()).filter(({ state }) => state !== 'sent'), PATIENT)
    .toEqual([]);
});
