/** One file of an import on its way to the collector's admin port, streamed. */
import { request } from 'node:http';
import type { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';

export interface ImportTarget {
  /** Base URL of the admin port, and its token (runtime.json). */
  readonly admin: string;
  readonly adminToken: string;
}

export interface ImportAnswer {
  readonly status: number;
  /** JSON, or null where it is none. */
  readonly body: unknown;
}

/**
 * Rejects where the collector cannot be reached or the body breaks off. An answer that comes before
 * the body is all sent (a refusal) is the answer. No time limit: an import takes what it takes.
 */
export function sendImport(
  { admin, adminToken }: ImportTarget,
  parameters: Readonly<Record<string, string | undefined>>,
  body: Readable,
  signal?: AbortSignal,
): Promise<ImportAnswer> {
  const url = new URL('/api/import', admin);
  for (const [name, value] of Object.entries(parameters)) {
    if (value !== undefined) url.searchParams.set(name, value);
  }
  return new Promise((resolve, reject) => {
    const outgoing = request(url, {
      method: 'POST',
      headers: {
        authorization: `Bearer ${adminToken}`,
        'content-type': 'application/octet-stream',
      },
      ...(signal === undefined ? {} : { signal }),
    });
    outgoing.on('response', (response) => {
      const parts: Buffer[] = [];
      response.on('data', (part: Buffer) => parts.push(part));
      response.on('error', reject);
      response.on('end', () => {
        resolve({ status: response.statusCode ?? 500, body: parsed(Buffer.concat(parts)) });
        body.destroy();
      });
    });
    outgoing.on('error', reject);
    // What breaks off after a refusal does not matter any more: the promise is settled then.
    pipeline(body, outgoing).catch(reject);
  });
}

function parsed(bytes: Buffer): unknown {
  try {
    return JSON.parse(bytes.toString('utf8'));
  } catch {
    return null;
  }
}
