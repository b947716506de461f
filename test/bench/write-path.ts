/**
 * Where the time of an event goes on its way to the disk: every part of the write path alone, one
 * after the other in one process, in processor time of all its threads (compression and garbage
 * collection have their own). And what is written for a byte that came in.
 *
 *     npx node test/bench/write-path.ts [--seconds 10] [--workers 336] [--json]
 *
 * `--seconds` are seconds of the cluster, not of the clock.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { batchIdOf } from '#collector/ingest/batch-id.ts';
import { committedMessage } from '#collector/ingest/committed-message.ts';
import type { PendingBatch } from '#collector/ingest/group-commit.ts';
import { StageSums } from '#collector/ingest/stage-sums.ts';
import { releaseMemory } from '#lib/base/release-memory.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { DEFAULT_DECODE_LIMITS, Decoder } from '#lib/ingest/decoder.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import { type BenchSection, printBench } from '#test/support/bench/bench-report.ts';
import { PatchedPacked, packedTemplates } from '#test/support/patched-packed.ts';
import { PatchedTraces } from '#test/support/patched-traces.ts';

const { values } = parseArgs({
  options: {
    seconds: { type: 'string', default: '10' },
    workers: { type: 'string', default: '336' },
    json: { type: 'boolean', default: false },
  },
});
const seconds = Number(values.seconds);
const workers = Number(values.workers);
const RETENTION = { rawNs: 1e18, rawBytes: 1e12, rollupsNs: 1e18 };
/** Requests of one commit. */
const GROUP = 32;
/** The data's first instant; upkeep goes by the data's time, which runs faster than the clock. */
const START_UNIX_MS = Date.now() - 1000 * (seconds + 1);

/** Nanoseconds of processor time by part, of all threads. */
class Ledger {
  readonly #spentNs = new Map<string, number>();

  async spend<T>(part: string, work: () => T | Promise<T>): Promise<T> {
    const before = process.cpuUsage();
    const result = await work();
    const { user, system } = process.cpuUsage(before);
    this.#spentNs.set(part, (this.#spentNs.get(part) ?? 0) + (user + system) * 1000);
    return result;
  }

  rows(events: number): BenchSection['rows'] {
    const total = [...this.#spentNs.values()].reduce((sum, ns) => sum + ns, 0);
    return [
      ...[...this.#spentNs].map(([name, ns]) => ({ name, value: ns / events, unit: 'ns/event' })),
      { name: 'all of it', value: total / events, unit: 'ns/event' },
    ];
  }
}

/** One body after the other; null: no more. */
type NextBody = () => Uint8Array<ArrayBufferLike> | null;

async function writePath(
  title: string,
  makeBody: NextBody,
  commitsASecond: number,
): Promise<BenchSection> {
  const folder = mkdtempSync(join(tmpdir(), 'afdscope-write-'));
  const unpacker = new PackedUnpacker();
  const store = await openTelemetryWriter({ store: 'sqlite', data: folder, unpacker });
  const decoder = new Decoder(DEFAULT_DECODE_LIMITS, { keepPacked: true });
  const failures: string[] = [];
  const sums = new StageSums(
    () => store,
    unpacker,
    (message) => failures.push(message),
  );
  await sums.recover();
  const writtenBefore = bytesWritten();
  let ledger = new Ledger();
  let events = 0;
  let bytes = 0;
  let commits = 0;
  for (let more = true; more; commits++) {
    const bodies = await ledger.spend('sender: ids, steps and times rewritten', () =>
      nextBodies(makeBody),
    );
    more = bodies.length === GROUP;
    const ids = await ledger.spend('batch id (GMAC)', () =>
      bodies.map((body) => batchIdOf('traces', body)),
    );
    const group = await ledger.spend('decode and check', () =>
      bodies.map((body, i) => pendingBatch(decoder, body, ids[i]!)),
    );
    for (const { received, bodyBytes } of group) {
      events += received;
      bytes += bodyBytes;
    }
    const outcomes = await ledger.spend('append, synced to disk', () =>
      store.append(group.map(({ batch }) => batch)),
    );
    await ledger.spend('sums by stage: adding', () => sums.add(group, outcomes));
    const message = await ledger.spend('message for the live view', () =>
      committedMessage(group, outcomes, new Map()),
    );
    // As the ingest thread does, which gives the message away.
    for (const { packedTimes = [] } of group) decoder.recycle(packedTimes);
    for (const { batch } of group) for (const { bytes } of batch.packed) releaseMemory(bytes);
    for (const { bytes } of message.packed) releaseMemory(bytes);
    if (commits % Math.ceil(commitsASecond) !== 0 && more) continue;
    await ledger.spend('sums by stage: merged into the store', () =>
      more ? sums.flushComplete() : sums.flush(),
    );
    await ledger.spend('upkeep: journal into chunks, merges, coarser sums', async () => {
      const now = unixNanosFromMs(START_UNIX_MS + (commits / commitsASecond) * 1000);
      for (let slice = 0; slice < 200; slice++) {
        if (!(await store.retain(RETENTION, now)).more) break;
      }
    });
    // The first round compiles.
    if (commits === 0) {
      ledger = new Ledger();
      events = 0;
      bytes = 0;
    }
  }
  await ledger.spend('closing', () => store.close());
  const written = bytesWritten();
  rmSync(folder, { recursive: true, force: true });
  const perByte =
    writtenBefore === null || written === null ? null : (written - writtenBefore) / bytes;
  return {
    title,
    rows: [
      { name: 'events', value: events },
      { name: 'bytes received', value: bytes / events, unit: 'bytes/event' },
      ...ledger.rows(events),
      { name: 'bytes written for a byte received', value: perByte },
    ],
    failures,
  };
}

function nextBodies(makeBody: NextBody): Uint8Array[] {
  const bodies: Uint8Array[] = [];
  while (bodies.length < GROUP) {
    const body = makeBody();
    if (body === null) break;
    bodies.push(body.slice());
  }
  return bodies;
}

function pendingBatch(decoder: Decoder, body: Uint8Array, batchId: string): PendingBatch {
  const decoded = decoder.decode('traces', 'protobuf', body);
  if (!decoded.ok) throw new Error(decoded.error.message);
  const { packedTimes, received, events, packed, rejected } = decoded.value;
  if (rejected.size > 0) throw new Error('events were refused');
  const receivedUnixNs = unixNanosFromMs(Date.now());
  return {
    replyId: undefined,
    bodyBytes: body.byteLength,
    batch: { batchId, receivedUnixNs, events, packed, metrics: [], rejected, logRecords: 0 },
    packedTimes,
    received,
    rejectedCount: 0,
    rejectedMessage: '',
  };
}

/** What this process handed to the file system, the write-ahead log included; null off Linux. */
function bytesWritten(): number | null {
  try {
    return Number(/^wchar: (\d+)$/m.exec(readFileSync('/proc/self/io', 'utf8'))?.[1] ?? Number.NaN);
  } catch {
    return null;
  }
}

function packedBodies(): NextBody {
  const bodies = new PatchedPacked(packedTemplates('bench'), 1);
  const startUnixNs = BigInt(START_UNIX_MS) * 1_000_000n;
  let next = 0;
  return () => {
    const round = Math.floor(next / workers);
    if (round >= seconds) return null;
    const startNs = startUnixNs + BigInt(round) * BigInt(bodies.bodyNs);
    return bodies.patch(next++ % workers, round, startNs).body;
  };
}

function plainBodies(): NextBody {
  const slots = Array.from(
    { length: 16 },
    (_, index) =>
      new PatchedTraces({
        attentionWorkers: 8,
        ffnWorkers: 4,
        firstReplica: index,
        domain: index,
        spans: 2000,
        microbatches: 3,
        deployment: 'bench',
      }),
  );
  const startUnixNs = BigInt(START_UNIX_MS) * 1_000_000n;
  let next = 0;
  return () => {
    const step = Math.floor(next / slots.length);
    if (step >= seconds * 20) return null;
    const slot = slots[next++ % slots.length]!;
    slot.patchAt(step, startUnixNs + BigInt(step) * 50_000_000n);
    return slot.body;
  };
}

const sections = [
  await writePath(
    `packed steps: ${workers} workers, ${seconds} s of them`,
    packedBodies(),
    workers / GROUP,
  ),
  await writePath(
    `plain spans: 16 domains of 12 workers, ${seconds} s of them`,
    plainBodies(),
    (20 * 16) / GROUP,
  ),
];
printBench('write-path', sections, values.json);
