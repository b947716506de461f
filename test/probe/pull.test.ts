/**
 * A worker that sends one step in eight and keeps the others, and a real collector: a window that is
 * frozen gets all steps that the worker still has of it, each once, and nothing beside it.
 */
import { spawn } from 'node:child_process';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { z } from 'zod';
import { type IncidentJson, incidentSchema } from '#lib/api/incidents.ts';
import { RunningCollector, storedSteps } from '#test/collector/degraded/running-collector.ts';
import { PYTHON } from '#test/support/python.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const SOON = { timeout: 90_000, interval: 100 };
const LAYERS = 4;
/** The window's steps come with a second around it, and steps that overlap that, too. */
const EDGE_MS = 1100;

const toldSchema = z.object({
  startsUnixMs: z.array(z.number()),
  sampled: z.array(z.number()),
  flushed: z.boolean(),
  stats: z.record(z.string(), z.number()),
});
type Told = z.infer<typeof toldSchema>;

/** The worker; `last` is the newest step that it told of. */
class Worker {
  last = -1;
  #output = '';
  readonly #child;
  readonly #ended: Promise<unknown>;

  constructor(endpoint: string) {
    const child = spawn(PYTHON ?? '', [join(import.meta.dirname, 'ring_worker.py')], {
      env: {
        ...process.env,
        OTEL_EXPORTER_OTLP_ENDPOINT: endpoint,
        AFDSCOPE_PROBE_MODE: '1/8',
        AFDSCOPE_PROBE_RING_S: '60',
        PYTHONDONTWRITEBYTECODE: '1',
      },
      stdio: ['pipe', 'pipe', 'inherit'],
    });
    child.stdout.on('data', (text: Buffer) => {
      this.#output += String(text);
      this.last = Number(/(\d+)\n[^\n]*$/.exec(this.#output)?.[1] ?? -1);
    });
    this.#ended = new Promise((resolve) => child.once('close', resolve));
    this.#child = child;
    onTestFinished(() => {
      child.kill();
    });
  }

  reached(step: number) {
    return expect.poll(() => this.last, SOON).toBeGreaterThanOrEqual(step);
  }

  async end(): Promise<Told> {
    this.#child.stdin.end();
    await this.#ended;
    return toldSchema.parse(JSON.parse(this.#output.trim().split('\n').at(-1) ?? ''));
  }
}

async function freeze(collector: RunningCollector, lastSeconds: number): Promise<IncidentJson> {
  const response = await fetch(`${collector.admin}/api/incidents`, {
    method: 'POST',
    headers: {
      'content-type': 'application/json',
      authorization: `Bearer ${collector.adminToken}`,
    },
    body: JSON.stringify({ deployment: 'prod', lastSeconds }),
  });
  expect(response.status).toBe(201);
  return incidentSchema.parse(await response.json());
}

/** Steps of `told` that start between these. */
function stepsBetween(told: Told, fromUnixMs: number, toUnixMs: number): number[] {
  return told.startsUnixMs.flatMap((start, step) =>
    start >= fromUnixMs && start < toUnixMs ? [step] : [],
  );
}

test.skipIf(PYTHON === null)(
  'a frozen window gets the steps that the worker had not sent, each once',
  { timeout: 240_000 },
  async () => {
    const folder = scratchFolder();
    const collector = await new RunningCollector(folder).start();
    const worker = new Worker(collector.otlpHttp);
    await worker.reached(150);
    await expect.poll(async () => (await storedSteps(folder)).size, SOON).toBeGreaterThan(5);
    expect((await storedSteps(folder)).size).toBeLessThan(75);

    const { window } = await freeze(collector, 2);
    const fromUnixMs = Number(BigInt(window.fromUnixNs) / 1000n) / 1000;
    const toUnixMs = Number(BigInt(window.toUnixNs) / 1000n) / 1000;
    const pulled = () => collector.metric('afdscope_pull_answers_total');
    await expect.poll(pulled, SOON).toBeGreaterThan(0);
    // The same window once more: another incident, and nothing that was sent is sent again.
    const again = await freeze(collector, 2);
    const lastUnixMs = Number(BigInt(again.window.toUnixNs) / 1000n) / 1000;
    await worker.reached(worker.last + 200);
    const told = await worker.end();
    expect(told.flushed).toBe(true);
    expect(told.stats.dropped_events).toBe(0);

    const stored = await storedSteps(folder);
    const asked = stepsBetween(told, fromUnixMs - 1000, toUnixMs);
    expect(asked.length).toBeGreaterThan(30);
    expect(asked.filter((step) => !stored.has(step))).toEqual([]);
    expect([...stored].filter(([, events]) => events !== LAYERS)).toEqual([]);
    const sampled = new Set(told.sampled);
    expect(told.sampled.filter((step) => !stored.has(step))).toEqual([]);
    const beside = [...stored.keys()].filter((step) => {
      const start = told.startsUnixMs[step] ?? 0;
      const isOutside = start < fromUnixMs - EDGE_MS || start > lastUnixMs + EDGE_MS;
      return isOutside && !sampled.has(step);
    });
    expect(beside).toEqual([]);
    const fromPull = [...stored.keys()].filter((step) => !sampled.has(step)).length;
    expect(told.stats.pulled_steps).toBe(fromPull);
    expect(
      await collector.metric('afdscope_receiver_duplicate_spans_total{transport="http"}'),
    ).toBe(0);
  },
);
