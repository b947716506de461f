/**
 * Errors of the HTTP API: RFC 9457 problem details, sent as `application/problem+json`.
 * `parameter` names the query, path or body parameter that is wrong.
 */
import { z } from 'zod';

export const PROBLEM_CONTENT_TYPE = 'application/problem+json';

/** Short names of what can be wrong; `type` is `about:blank#` and one of these. */
export const PROBLEM_KINDS = [
  'bad-parameter',
  'not-found',
  'conflict',
  'no-database',
  'forbidden',
  'busy',
  'timeout',
  'too-large',
  'unreadable-file',
  'disk-full',
  'not-stored',
  'collector-unreachable',
  'internal',
] as const;
export type ProblemKind = (typeof PROBLEM_KINDS)[number];

export const problemSchema = z.object({
  type: z.string(),
  title: z.string(),
  status: z.number().int(),
  /** What happened and what to do, in one or two sentences for people. */
  detail: z.string(),
  parameter: z.string().optional(),
});
export type Problem = z.infer<typeof problemSchema>;

const TITLES: Readonly<Record<ProblemKind, readonly [status: number, title: string]>> = {
  'bad-parameter': [400, 'A parameter is wrong'],
  'not-found': [404, 'Not found'],
  conflict: [409, 'It has changed since'],
  'no-database': [503, 'There is no database yet'],
  forbidden: [403, 'Not allowed from this page'],
  busy: [503, 'Too many queries are running'],
  timeout: [504, 'The query took too long'],
  'too-large': [413, 'Too large'],
  'unreadable-file': [422, 'The files cannot be imported'],
  'disk-full': [507, 'The disk is full'],
  'not-stored': [503, 'The store does not take it now'],
  'collector-unreachable': [503, 'The collector cannot be reached'],
  internal: [500, 'The server failed'],
};

/** A problem document of `kind` with its standard status and title. */
export function problem(kind: ProblemKind, detail: string, parameter?: string): Problem {
  const [status, title] = TITLES[kind];
  return {
    type: `about:blank#${kind}`,
    title,
    status,
    detail,
    ...(parameter === undefined ? {} : { parameter }),
  };
}

/** The kind of a problem document; null where the type is not one of ours. */
export function problemKind(document: Problem): ProblemKind | null {
  const name = document.type.slice(document.type.indexOf('#') + 1);
  return PROBLEM_KINDS.find((kind) => kind === name) ?? null;
}
