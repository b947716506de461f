/** The way to the collector's admin server: found through the runtime file, which may change. */
import { readFile } from 'node:fs/promises';
import type { Readable } from 'node:stream';
import { type Readiness, readinessSchema } from '#lib/api/condition.ts';
import type { CollectorHealth } from '#lib/api/health.ts';
import { type RuntimeFile, runtimeFileSchema } from '#lib/api/runtime-file.ts';
import { type ImportAnswer, sendImport } from '#lib/query/send-import.ts';

const READY_TIMEOUT_MS = 1500;

/** The collector does not run, or does not answer; the message says what to do. */
export class CollectorUnreachableError extends Error {
  override readonly name = 'CollectorUnreachableError';
}

export class CollectorLink {
  readonly #runtimePath: string;

  constructor(runtimePath: string) {
    this.#runtimePath = runtimePath;
  }

  /** What the supervisor wrote; null where there is none, or none that can be read. */
  async runtime(): Promise<RuntimeFile | null> {
    try {
      const text = await readFile(/* turbopackIgnore: true */ this.#runtimePath, 'utf8');
      return runtimeFileSchema.parse(JSON.parse(text));
    } catch {
      return null;
    }
  }

  /** Calls the admin server. Rejects with `CollectorUnreachableError` when nothing answers. */
  async fetch(path: string, init: RequestInit = {}): Promise<Response> {
    const runtime = await this.runtime();
    if (runtime === null || runtime.admin === null) {
      throw new CollectorUnreachableError(
        `The collector is not running here: there is no usable ${this.#runtimePath}. Start it with "npm start".`,
      );
    }
    const headers = new Headers(init.headers);
    if (init.method !== undefined && init.method !== 'GET') {
      headers.set('authorization', `Bearer ${runtime.adminToken}`);
    }
    try {
      return await fetch(runtime.admin + path, { ...init, headers, cache: 'no-store' });
    } catch (error) {
      if (init.signal?.aborted === true) throw error;
      throw new CollectorUnreachableError(
        `The collector does not answer at ${runtime.admin}. It may be restarting.`,
      );
    }
  }

  /** Streams one file of an import. Rejects with `CollectorUnreachableError` when nothing answers. */
  async sendImport(
    parameters: Readonly<Record<string, string | undefined>>,
    body: Readable,
    signal: AbortSignal,
  ): Promise<ImportAnswer> {
    const runtime = await this.runtime();
    if (runtime === null || runtime.admin === null) {
      throw new CollectorUnreachableError(
        'The collector is not running here, and only it stores imports. Start it with "npm start".',
      );
    }
    const { admin, adminToken } = runtime;
    try {
      return await sendImport({ admin, adminToken }, parameters, body, signal);
    } catch (error) {
      if (signal.aborted) throw error;
      throw new CollectorUnreachableError(
        `The collector at ${admin} broke off while it took the file. It may be restarting; send it again.`,
      );
    }
  }

  async health(): Promise<CollectorHealth> {
    const runtime = await this.runtime();
    const about = {
      pid: runtime?.pid ?? null,
      startedUnixMs: runtime?.startedUnixMs ?? null,
      otlpHttp: runtime?.otlpHttp ?? null,
      otlpGrpc: runtime?.otlpGrpc ?? null,
      admin: runtime?.admin ?? null,
    };
    try {
      const ready = await this.fetch('/readyz', { signal: AbortSignal.timeout(READY_TIMEOUT_MS) });
      return { ...stateOf(ready.ok, await readinessOf(ready)), ...about };
    } catch (error) {
      const detail =
        error instanceof CollectorUnreachableError
          ? error.message
          : `The collector gave no answer within ${READY_TIMEOUT_MS / 1000} s.`;
      return { state: 'down', detail, ...about };
    }
  }
}

/** A collector of another version may say less; what it says is worth having. */
async function readinessOf(response: Response): Promise<Readiness> {
  const body: unknown = await response.json().catch(() => ({}));
  return readinessSchema.safeParse(body).data ?? readinessSchema.parse({});
}

function stateOf(
  isReady: boolean,
  { conditions, queueWaitMs, waitingRequests, refused }: Readiness,
): Pick<CollectorHealth, 'state' | 'detail' | 'conditions'> {
  const facts = { conditions, queueWaitMs, waitingRequests, refused };
  if (isReady) return { state: 'up', detail: '', ...facts };
  const grave = conditions.find(({ notReady }) => notReady);
  return grave === undefined
    ? { state: 'starting', detail: 'The collector does not take telemetry yet.', ...facts }
    : { state: 'degraded', detail: `${grave.name}: ${grave.detail}`, ...facts };
}
