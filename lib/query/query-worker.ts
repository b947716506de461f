/** Entry of a query thread: one question at a time, on stores opened for reading. */
import { parentPort, workerData } from 'node:worker_threads';
import { GarbageWatch } from '#lib/base/garbage-watch.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openStateReader, openTelemetryReader, storedFileIdentity } from '#lib/store/open-store.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { answer, failureOf } from './answer.ts';
import { servePartQuestions } from './part-thread.ts';
import type { QueryReply, QueryRequest, QueryThreadData } from './questions.ts';

const data = workerData as QueryThreadData;
const { store, dataDir } = data;
const main = parentPort!;
let telemetry: TelemetryReader | null = null;
let state: StateStore | null = null;
let identity: string | null = null;
/** The columns that an answer was made of are dead once it is sent. */
const garbage = new GarbageWatch(32 << 20);

if (data.task === 'part') {
  servePartQuestions(main, openTelemetry);
} else if (data.task === 'export') {
  // Formats come with packages that no other thread needs.
  const { serveExport } = await import('./export-thread.ts');
  serveExport(main, async () => ({ telemetry: await openTelemetry(), state: openState }));
} else {
  main.on('message', (request: QueryRequest) => {
    void reply(request).then((message) => {
      main.postMessage(message, movedBuffers(message));
      garbage.look();
    });
  });
}

async function reply(request: QueryRequest): Promise<QueryReply> {
  try {
    // An open connection would go on reading a file that was deleted or replaced.
    const current = storedFileIdentity({ store, data: dataDir });
    if (current !== identity) await closeStores();
    identity = current;
    telemetry ??= await openTelemetry();
    const stores = { telemetry, state: openState };
    return { id: request.id, ok: true, answer: await answer(stores, request) };
  } catch (error) {
    const failure = failureOf(error);
    // The database may have been replaced under us: open it anew for the next question.
    if (failure.kind === 'internal') await closeStores();
    return { id: request.id, ok: false, failure };
  }
}

/** The bytes of a frame change hands; everything else is copied. */
function movedBuffers(message: QueryReply): ArrayBuffer[] {
  const answer: unknown = message.ok ? message.answer : null;
  const isFrame = typeof answer === 'object' && answer !== null && 'bytes' in answer;
  return isFrame && answer.bytes instanceof Uint8Array && answer.bytes.buffer instanceof ArrayBuffer
    ? [answer.bytes.buffer]
    : [];
}

function openTelemetry(): Promise<TelemetryReader> {
  return openTelemetryReader({ store, data: dataDir, unpacker: new PackedUnpacker() });
}

async function openState(): Promise<StateStore> {
  state ??= await openStateReader({ store, data: dataDir });
  return state;
}

async function closeStores(): Promise<void> {
  const open = [telemetry, state];
  telemetry = null;
  state = null;
  for (const opened of open) {
    try {
      await opened?.close();
    } catch {
      // It is thrown away because it failed; that it cannot be closed either is no news.
    }
  }
}
