/** kill -9 around the moment of sending. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { type HttpTarget, httpTarget } from '#test/support/http-target.ts';
import { NotifyWorld } from '#test/support/notify-world.ts';
import { sampleAlert } from '#test/support/sample-alert.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const PATIENT = { timeout: 60_000, interval: 50 };
const CHILD = join(import.meta.dirname, '../../support/notify-child.ts');

function receivers(target: HttpTarget): string {
  return `
receivers:
  - {name: hook, kind: webhook, url: "${target.url}/hook"}
  - {name: pager, kind: pagerduty, url: "${target.url}/pager", routing_key: {file: key}}
routes:
  - {receiver: hook, group_wait: 0s, continue: true}
  - {receiver: pager, group_wait: 0s}`;
}

/** Killed once it has said that its message is on disk, and `until` holds. */
async function killedChild(
  data: string,
  file: string,
  mode: string,
  until: () => boolean,
): Promise<void> {
  const child = spawn(process.execPath, [CHILD, data, file, mode], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  child.stdout.on('data', (part: Buffer) => said.push(part.toString()));
  await expect.poll(() => said.join(''), PATIENT).toBe('committed\n');
  await expect.poll(until, PATIENT).toBe(true);
  const exit = once(child, 'exit');
  child.kill('SIGKILL');
  await exit;
}

/** Goes on from what the killed process left, until everything is sent. */
async function restarted(data: string, target: HttpTarget): Promise<void> {
  const world = await new NotifyWorld({ data, receivers: receivers(target) }).open();
  await expect
    .poll(async () => (await world.deliveries()).map(({ state }) => state), PATIENT)
    .toEqual(['sent', 'sent']);
  // The alert still fires: that it was told is known.
  await world.look([sampleAlert('a')], Date.now() + 3_600_000);
  expect((await world.deliveries()).length).toBe(2);
  await world.close();
}

function keysOf(target: HttpTarget, path: string): unknown[] {
  return target.posts
    .filter((post) => post.path === path)
    .map(({ headers, body }) =>
      path === '/hook' ? headers['idempotency-key'] : Reflect.get(Object(body), 'dedup_key'),
    );
}

function prepared(target: HttpTarget): { readonly data: string; readonly file: string } {
  const data = scratchFolder();
  writeFileSync(join(data, 'key'), 'routing-key-1\n');
  const file = join(data, 'receivers.yaml');
  writeFileSync(file, receivers(target));
  return { data, file };
}

test('between commit and sending: sent exactly once after the restart', async () => {
  const target = await httpTarget();
  const { data, file } = prepared(target);
  await killedChild(data, file, 'commit', () => true);
  expect(target.posts).toEqual([]);
  await restarted(data, target);
  expect(keysOf(target, '/hook').length).toBe(1);
  expect(keysOf(target, '/pager')).toEqual(['a']);
});

test('between sending and writing down that it was sent: sent again with the same key', async () => {
  const target = await httpTarget({ normal: 'hang' });
  const { data, file } = prepared(target);
  await killedChild(data, file, 'send', () => target.posts.length === 2);
  target.normal = 200;
  await restarted(data, target);
  const keys = keysOf(target, '/hook');
  expect(keys.length).toBe(2);
  expect(new Set(keys).size).toBe(1);
  expect(keysOf(target, '/pager')).toEqual(['a', 'a']);
});
