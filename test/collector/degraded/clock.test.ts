/** The wall clock of the collector's machine jumps, while those of the senders are right. */
import { spawn } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { readinessSchema } from '#lib/api/condition.ts';
import { type LiveEvent, liveEventSchema } from '#lib/api/live-event.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { pause, type Started, startCollector } from '#test/support/afdscope-process.ts';
import { encodeTracesProtobuf } from '#test/support/otlp-encode.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { storedSteps } from './running-collector.ts';

const HOUR_MS = 3600_000;

/** The clock of one child, right until `set`. */
class ShiftedClock {
  readonly #file = join(scratchFolder(), 'clock');
  readonly env = {
    NODE_OPTIONS: `--import=${join(import.meta.dirname, '../../support/shifted-clock.mjs')}`,
    TEST_CLOCK_FILE: this.#file,
  };

  set(offsetMs: number): void {
    writeFileSync(this.#file, String(offsetMs));
  }
}

/** One event of 10 ms of this step, at the sender's right time. */
function body(step: number, atUnixMs = Date.now()): Uint8Array<ArrayBuffer> {
  const builder = new EventTableBuilder(unixNanosFromMs(atUnixMs - 10), [testWorker(0)]);
  builder.add({ startNs: 0, durationNs: 1e7, worker: 0, stage: 0, kind: 0, step });
  return new Uint8Array(encodeTracesProtobuf(builder.finish()));
}

async function send(otlpHttp: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
  const headers = { 'content-type': 'application/x-protobuf' };
  const answer = await fetch(`${otlpHttp}/v1/traces`, { method: 'POST', headers, body: bytes });
  expect(answer.status).toBe(200);
}

async function readiness(collector: Started) {
  const response = await fetch(`${collector.admin}/readyz`);
  return { httpStatus: response.status, ...readinessSchema.parse(await response.json()) };
}

/** The next overview of the live stream that `fits`. */
async function overview(
  collector: Started,
  fits: (event: LiveEvent & { kind: 'overview' }) => boolean,
) {
  const response = await fetch(`${collector.admin}/live?deployment=prod`);
  const decoder = new TextDecoder();
  let text = '';
  for await (const piece of response.body ?? []) {
    text += decoder.decode(piece, { stream: true });
    const messages = text.split('\n\n');
    text = messages.pop() ?? '';
    for (const message of messages) {
      const data = /^data: (.*)$/m.exec(message)?.[1];
      const event = data === undefined ? null : liveEventSchema.parse(JSON.parse(data));
      if (event?.kind === 'overview' && fits(event)) {
        // Leaving the loop ends the stream.
        return event;
      }
    }
  }
  throw new Error('the live stream ended');
}

describe('a clock that jumps', () => {
  test.each([
    ['back', -2 * HOUR_MS],
    ['forward', 24 * HOUR_MS],
  ])('%s is said, does not stop anything, and does not blind the live view', async (way, byMs) => {
    const clock = new ShiftedClock();
    const collector = await startCollector(scratchFolder(), { ...clock.env, AFDSCOPE_LOG: 'info' });
    let step = 0;
    const sending = setInterval(() => {
      // The collector ends before the test does.
      send(collector.otlpHttp, body(step++)).catch(() => clearInterval(sending));
    }, 50);
    onTestFinished(() => clearInterval(sending));
    await overview(collector, ({ report }) => (report?.steps.count ?? 0) > 5);
    clock.set(byMs);
    await expect
      .poll(async () => (await readiness(collector)).conditions.map(({ name }) => name))
      .toEqual(['clock']);
    const { httpStatus, conditions } = await readiness(collector);
    expect(httpStatus).toBe(200);
    expect(conditions[0]?.detail).toContain(`jumped ${way} by`);
    expect(collector.process.stderr.match(/"condition":"clock"/g)).toHaveLength(1);
    // Steps that were made after the jump are shown, with a lag of seconds, not hours.
    const jumpedAtStep = step;
    const after = await overview(collector, ({ report }) => {
      const endMs = Number(BigInt(report?.window.endUnixNs ?? 0) / 1_000_000n);
      return endMs > Date.now() - 5000 && step > jumpedAtStep + 40;
    });
    expect(after.state).toBe('live');
    expect(after.ingest.lagMs).toBeLessThan(10_000);
    expect(after.ingest.lagMs).toBeGreaterThanOrEqual(0);
    clock.set(0);
    await expect.poll(async () => (await readiness(collector)).conditions).toEqual([]);
    expect(collector.process.stderr).toContain('clock: over after');
  });

  test('forward deletes nothing by age; what is really old still goes', async () => {
    const clock = new ShiftedClock();
    const dataDir = scratchFolder();
    const child = spawn(
      process.execPath,
      [join(import.meta.dirname, 'retaining-child.ts'), dataDir, '3600'],
      { env: { ...process.env, ...clock.env }, stdio: ['pipe', 'pipe', 'inherit'] },
    );
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
    const [line] = (await child.stdout.take(1).toArray()) as [Buffer];
    const { port } = JSON.parse(line.toString()) as { port: number };
    const otlpHttp = `http://127.0.0.1:${port}`;
    await send(otlpHttp, body(1));
    clock.set(24 * HOUR_MS);
    await pause(1000);
    await send(otlpHttp, body(2));
    await send(otlpHttp, body(3, Date.now() - 2 * HOUR_MS));
    await expect.poll(async () => [...(await storedSteps(dataDir)).keys()].sort()).toEqual([1, 2]);
    clock.set(-24 * HOUR_MS);
    await pause(500);
    expect([...(await storedSteps(dataDir)).keys()].sort()).toEqual([1, 2]);
    // A retried request is known, whatever the clock said when it came first.
    const retried = body(9, Date.now());
    await send(otlpHttp, retried);
    clock.set(0);
    await send(otlpHttp, retried);
    expect((await storedSteps(dataDir)).get(9)).toBe(1);
  });
});
