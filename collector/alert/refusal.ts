/** Changes that are refused, as the problem documents that say why. */
import type { z } from 'zod';
import { type Problem, problem } from '#lib/api/problem.ts';
import { err, type Result } from '#lib/base/result.ts';

export type Refusable<T> = Result<T, Problem>;
export type Refusal = { readonly ok: false; readonly error: Problem };

export function refused(detail: string, parameter?: string): Refusal {
  return err(problem('bad-parameter', detail, parameter));
}

export function notFound(detail: string, parameter?: string): Refusal {
  return err(problem('not-found', detail, parameter));
}

export function conflict(detail: string): Refusal {
  return err(problem('conflict', detail));
}

/** The first thing that a schema found wrong in a body. */
export function wrongBody(error: z.ZodError): Refusal {
  const issue = error.issues[0];
  const path = issue?.path.map(String).join('.') ?? '';
  return refused(
    `${path === '' ? 'The body' : path}: ${issue?.message ?? 'wrong'}`,
    path || 'body',
  );
}
