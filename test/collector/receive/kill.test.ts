import { type ChildProcess, fork } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { DataFolder, packedStepsBody, stepsBody } from '#test/collector/ingest/ingest-harness.ts';
import { seededRandom } from '#test/support/afd-table.ts';
import { limitMs, rounds } from '#test/support/tier.ts';

const ROUNDS = rounds(6, 100);
const SENDERS = 6;

let folder: DataFolder;
let child: ChildProcess | undefined;

beforeEach(() => {
  folder = new DataFolder();
});
afterEach(async () => {
  child?.kill('SIGKILL');
  await folder.remove();
});

async function startChild(): Promise<{ child: ChildProcess; url: string }> {
  const started = fork(join(import.meta.dirname, 'collector-child.ts'), [folder.path], {
    execArgv: [],
  });
  child = started;
  const [{ port }] = (await once(started, 'message')) as [{ port: number }];
  return { child: started, url: `http://127.0.0.1:${port}/v1/traces` };
}

/** Every other step comes packed: journal and chunks both must survive. */
async function send(url: string, step: number): Promise<boolean> {
  try {
    const response = await fetch(url, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-protobuf' },
      body: step % 2 === 0 ? stepsBody(step) : packedStepsBody(step),
    });
    await response.arrayBuffer();
    return response.status === 200;
  } catch {
    return false;
  }
}

test(
  'kill -9 right after a 200: every answered event is there, once, and nothing twice',
  async () => {
    const random = seededRandom(11);
    const answered = new Set<number>();
    const unsure: number[] = [];
    let nextStep = 0;
    for (let round = 0; round < ROUNDS; round++) {
      const { child: victim, url } = await startChild();
      // What has no answer is sent again, as a real sender does, whether it was stored or not.
      for (const step of unsure.splice(0)) {
        if (await send(url, step)) answered.add(step);
        else unsure.push(step);
      }
      const target = answered.size + 10 + Math.floor(random() * 60);
      const exited = once(victim, 'exit');
      let dead = false;
      const sender = async (): Promise<void> => {
        while (!dead) {
          const step = nextStep++;
          if (!(await send(url, step))) {
            unsure.push(step);
            continue;
          }
          answered.add(step);
          if (answered.size >= target) {
            dead = true;
            victim.kill('SIGKILL');
          }
        }
      };
      await Promise.all(Array.from({ length: SENDERS }, sender));
      await exited;
    }
    // The last start adds up what the last kill left out of the sums.
    await (await folder.start()).stop();
    const stored = await folder.storedSteps();
    expect(answered.size).toBeGreaterThan(ROUNDS * 10);
    for (const step of answered) expect(stored.get(step), `step ${step}`).toBe(1);
    for (const [step, count] of stored) expect(count, `step ${step}`).toBe(1);
    expect(await folder.summedEvents()).toBe(stored.size);
    // Nothing but what was sent.
    for (const step of stored.keys()) expect(step).toBeLessThan(nextStep);
  },
  limitMs(90_000),
);
