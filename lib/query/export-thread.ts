/** The thread that makes one export, a piece whenever the reader asks for one (export-stream.ts). */
import type { MessagePort } from 'node:worker_threads';
import { failureOf, type Stores } from './answer.ts';
import { exportWindow } from './export.ts';
import type { ExportReply, ExportRequest } from './export-stream.ts';

/** Small pieces are sent together. */
const PIECE_BYTES = 256 * 1024;

/** Answers an `ExportThreads` on the other end of `port`. */
export function serveExport(port: MessagePort, open: () => Promise<Stores>): void {
  let pieces: AsyncIterator<Uint8Array> | null = null;
  const reply = async (request: ExportRequest): Promise<ExportReply> => {
    if (request !== 'next') {
      const { question, nowUnixNs, version } = request;
      const begun = await exportWindow(await open(), question, nowUnixNs, version);
      pieces = begun.pieces[Symbol.asyncIterator]();
      return { fileName: begun.fileName, contentType: begun.format.contentType };
    }
    if (pieces === null) throw new Error('no export has begun');
    const piece = await joined(pieces);
    return piece === null ? 'end' : { piece };
  };
  port.on('message', (request: ExportRequest) => {
    void reply(request)
      .catch((error: unknown): ExportReply => ({ failure: failureOf(error) }))
      .then((message) => {
        const buffer = message !== 'end' && 'piece' in message ? message.piece.buffer : null;
        port.postMessage(message, buffer instanceof ArrayBuffer ? [buffer] : []);
      });
  });
}

/** The next pieces in memory of their own; null: there are none. */
async function joined(pieces: AsyncIterator<Uint8Array>): Promise<Uint8Array | null> {
  const parts: Uint8Array[] = [];
  let byteLength = 0;
  while (byteLength < PIECE_BYTES) {
    const next = await pieces.next();
    if (next.done === true) break;
    parts.push(next.value);
    byteLength += next.value.byteLength;
  }
  if (parts.length === 0) return null;
  const out = new Uint8Array(byteLength);
  let at = 0;
  for (const part of parts) {
    out.set(part, at);
    at += part.byteLength;
  }
  return out;
}
