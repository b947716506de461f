/** What the collector knows better than the database, asked there first. */
import type { z } from 'zod';
import { CollectorUnreachableError } from './collector-link.ts';
import { services } from './services.ts';

/** It answers out of its memory; a page that asks every few seconds must not wait for long. */
const TIMEOUT_MS = 2000;

/** null: the collector is away, starting, or of another version. */
export async function askCollector<T>(
  path: string,
  schema: z.ZodType<T>,
  signal: AbortSignal,
): Promise<T | null> {
  try {
    const answer = await services().collector.fetch(path, {
      signal: AbortSignal.any([signal, AbortSignal.timeout(TIMEOUT_MS)]),
    });
    const body: unknown = await answer.json().catch(() => null);
    return answer.ok ? (schema.safeParse(body).data ?? null) : null;
  } catch (error) {
    if (signal.aborted) throw error;
    if (error instanceof CollectorUnreachableError || isTimeout(error)) return null;
    throw error;
  }
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === 'TimeoutError';
}
