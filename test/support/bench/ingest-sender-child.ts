/**
 * Sends until its time is over, several requests in flight, and tells what was acknowledged:
 * `node ingest-sender-child.ts SPEC` with a SenderSpec as JSON.
 */
import { gzipSync } from 'node:zlib';
import {
  type PackedTemplates,
  PatchedPacked,
  packedTemplates,
} from '#test/support/patched-packed.ts';
import { PatchedTraces } from '#test/support/patched-traces.ts';
import { connectSender } from './bench-connection.ts';
import { cpuUs, type SenderReport, type SenderSpec } from './ingest-messages.ts';

const SPANS = 2000;
const NS_PER_MS = 1_000_000n;

const spec = JSON.parse(process.argv[2] ?? '') as SenderSpec;
const connection = connectSender(spec);
const total = { bodies: 0, events: 0, bytes: 0, refused: 0 };
let behindMs = 0;
let workers = 0;

const templates = spec.events === 'packed' ? packedTemplates(spec.deployment) : null;
const startedMs = performance.now();
const startUnixNs = BigInt(Date.now()) * NS_PER_MS;
const untilMs = startedMs + spec.seconds * 1000;
const startedCpuUs = cpuUs();
await (templates === null ? sendPlain() : sendPacked(templates));
const report: SenderReport = {
  ...total,
  elapsedS: (performance.now() - startedMs) / 1000,
  cpuUs: cpuUs() - startedCpuUs,
  behindS: behindMs / 1000,
  workers,
};
connection.close();
process.send?.(report);
process.disconnect();

/** One slot is one data-parallel domain that reports a step a body, as fast as it is taken. */
async function sendPlain(): Promise<void> {
  workers = 12 * spec.inFlight;
  const slot = async (_: unknown, index: number): Promise<void> => {
    const traces = new PatchedTraces({
      attentionWorkers: 8,
      ffnWorkers: 4,
      firstReplica: index,
      domain: index,
      spans: SPANS,
      microbatches: 3,
      deployment: spec.deployment,
    });
    for (let step = 0; performance.now() < untilMs; step++) {
      traces.patchAt(step, BigInt(Date.now()) * NS_PER_MS);
      await deliver(traces.body, traces.spans);
    }
  };
  await Promise.all(Array.from({ length: spec.inFlight }, slot));
}

/** Every worker reports once in about a second, each at its own time of it. */
async function sendPacked(shared: PackedTemplates): Promise<void> {
  const slots = Array.from({ length: spec.inFlight }, (_, i) => new PatchedPacked(shared, i + 1));
  const cluster = slots[0]!.cluster(spec.rate);
  workers = cluster.workers;
  let next = 0;
  const slot = async (bodies: PatchedPacked): Promise<void> => {
    for (;;) {
      const index = next++;
      const round = Math.floor(index / cluster.workers);
      const worker = index % cluster.workers;
      const dueMs = startedMs + ((index / cluster.workers) * cluster.bodyNs) / 1e6;
      if (dueMs >= untilMs || performance.now() >= untilMs) return;
      const waitMs = dueMs - performance.now();
      if (waitMs > 0.5) await new Promise((resolve) => setTimeout(resolve, waitMs));
      behindMs = Math.max(0, performance.now() - dueMs);
      // What is sent in the first second happened in the second before.
      const startNs = startUnixNs + BigInt(round - 1) * BigInt(cluster.bodyNs);
      const { body, events } = bodies.patch(worker, round, startNs);
      await deliver(body, events);
    }
  };
  await Promise.all(slots.map(slot));
}

/** Sends again what is refused, as an exporter does; nothing is given up before the end. */
async function deliver(body: Uint8Array, events: number): Promise<void> {
  const sent = spec.encoding === 'gzip' ? gzipSync(body, { level: 1 }) : body;
  for (;;) {
    const answer = await connection.send(sent);
    if (answer.ok) break;
    total.refused++;
    if (performance.now() >= untilMs) return;
    await new Promise((resolve) => setTimeout(resolve, answer.retryAfterMs));
  }
  total.bodies++;
  total.events += events;
  total.bytes += sent.byteLength;
}
