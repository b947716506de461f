/** What a request may carry, checked before anything is read. */
import type { z } from 'zod';
import type { ProblemKind } from '#lib/api/problem.ts';

const MAX_BODY_BYTES = 64 * 1024;

/** The request is at fault; the message says how to put it right. */
export class RequestError extends Error {
  override readonly name = 'RequestError';
  readonly kind: ProblemKind;
  readonly parameter: string | undefined;

  constructor(kind: ProblemKind, message: string, parameter?: string) {
    super(message);
    this.kind = kind;
    this.parameter = parameter;
  }
}

/**
 * The query parameters, each of `allowed` at most once and nothing else but those of `repeated`
 * (`repeatedParameter`).
 */
export function queryParameters<Name extends string>(
  request: Request,
  allowed: readonly Name[],
  repeated: readonly string[] = [],
): Partial<Record<Name, string>> {
  const found: Partial<Record<Name, string>> = {};
  for (const [name, value] of new URL(request.url).searchParams) {
    if (repeated.includes(name)) continue;
    const known = allowed.find((candidate) => candidate === name);
    if (known === undefined) {
      const names = [...allowed, ...repeated];
      const list = names.length === 0 ? 'none is taken here' : `known: ${names.join(', ')}`;
      throw new RequestError('bad-parameter', `Unknown parameter "${name}"; ${list}.`, name);
    }
    if (found[known] !== undefined) {
      throw new RequestError('bad-parameter', `"${name}" is there twice; give it once.`, name);
    }
    found[known] = value;
  }
  return found;
}

/** All values of a parameter that may come several times, in their order. */
export function repeatedParameter(request: Request, name: string): string[] {
  return new URL(request.url).searchParams.getAll(name);
}

export function requiredParameter(value: string | undefined, name: string): string {
  if (value !== undefined && value !== '') return value;
  throw new RequestError('bad-parameter', `The parameter "${name}" is missing.`, name);
}

/** The JSON body, checked by `schema`; the first fault is named. */
export async function jsonBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const type = request.headers.get('content-type') ?? '';
  if (!/^application\/json\s*(;|$)/i.test(type)) {
    throw new RequestError('bad-parameter', 'Send the body as application/json.', 'content-type');
  }
  const text = await request.text();
  if (text.length > MAX_BODY_BYTES) {
    throw new RequestError(
      'bad-parameter',
      `The body is longer than ${MAX_BODY_BYTES} characters.`,
    );
  }
  let body: unknown;
  try {
    body = JSON.parse(text);
  } catch {
    throw new RequestError('bad-parameter', 'The body is not JSON.', 'body');
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  const path = issue === undefined ? '' : issue.path.join('.');
  throw new RequestError('bad-parameter', `${path || 'body'}: ${issue?.message}`, path || 'body');
}

/**
 * Refuses changes that another site's page asks for. Browsers say where a request comes from
 * (Sec-Fetch-Site, Origin); programs say nothing and are let through.
 */
export function requireSameOrigin(request: Request): void {
  const site = request.headers.get('sec-fetch-site');
  const origin = request.headers.get('origin');
  const host = request.headers.get('host');
  const foreignSite = site !== null && site !== 'same-origin' && site !== 'none';
  const foreignOrigin = origin !== null && (host === null || hostOf(origin) !== host);
  if (foreignSite || foreignOrigin) {
    throw new RequestError('forbidden', 'Changes are taken from this dashboard’s own pages only.');
  }
}

function hostOf(origin: string): string | null {
  try {
    return new URL(origin).host;
  } catch {
    return null;
  }
}
