/**
 * Typed calls of the HTTP API for browsers and tests: every answer is checked against its schema,
 * every refusal becomes an `ApiProblem`.
 */
import type { z } from 'zod';
import { takeAhead } from './ahead.ts';
import {
  type AnnotationJson,
  type AnnotationRequest,
  type Annotations,
  annotationSchema,
  annotationsSchema,
} from './annotations.ts';
import { type Breakdown, breakdownSchema } from './breakdown.ts';
import { type Compare, compareSchema } from './compare.ts';
import { type CriticalPath, criticalPathSchema } from './critical-path.ts';
import { type Deployments, deploymentsSchema } from './deployments.ts';
import { type ExpertsAnswer, expertsAnswerSchema } from './experts.ts';
import { type Health, healthSchema } from './health.ts';
import { type ImportsJson, importsSchema, type Unpinned, unpinnedSchema } from './imports.ts';
import { type Problem, problemSchema } from './problem.ts';
import { type ReportJson, reportSchema } from './report-schema.ts';
import { type Series, seriesSchema } from './series.ts';
import { type StragglersAnswer, stragglersSchema } from './stragglers.ts';
import { type Timeline, timelineSchema } from './timeline.ts';
import {
  type HeatmapAnswer,
  heatmapAnswerSchema,
  type StripAnswer,
  stripAnswerSchema,
} from './views.ts';
import { type Waits, waitsSchema } from './waits.ts';
import { type WhatifAnswer, whatifSchema } from './whatif.ts';

/** Unix nanoseconds, RFC 3339, or relative to now ("-5m", "now"). Absent: the API's default. */
export interface TimeRange {
  readonly from?: string;
  readonly to?: string;
}

export interface ClientOptions {
  /** Base URL without a trailing slash; default '': the page's own origin. */
  readonly baseUrl?: string;
  readonly signal?: AbortSignal;
}

/** The API refused, could not be reached, or answered something else than its contract. */
export class ApiProblem extends Error {
  override readonly name = 'ApiProblem';
  readonly problem: Problem;

  constructor(document: Problem) {
    super(document.detail);
    this.problem = document;
  }
}

export function apiPath(deployment: string, question: string): string {
  return `/api/v1/deployments/${encodeURIComponent(deployment)}/${question}`;
}

/** Where an EventSource reads live events (lib/api/live-event.ts) of a deployment. */
export function liveUrl(deployment: string, baseUrl = ''): string {
  return baseUrl + apiPath(deployment, 'live');
}

/** Where a window is as a file of a format (docs/api.md, "Export"). */
export function exportUrl(deployment: string, format: string, range: TimeRange): string {
  return `/api/v1/export${query({ format, deployment, ...range })}`;
}

/** Where the post-mortem report of a window is: a file, no JSON. */
export function postmortemUrl(
  deployment: string,
  {
    format,
    zone,
    url,
    ...range
  }: TimeRange & {
    readonly format?: 'html' | 'md';
    /** IANA name of the reader's time zone. */
    readonly zone?: string;
    /** Where links lead to; default: the server that is asked. */
    readonly url?: string;
  },
): string {
  const parameters = {
    ...range,
    ...(format === undefined ? {} : { format }),
    ...(zone === undefined ? {} : { zone }),
    ...(url === undefined ? {} : { url }),
  };
  return apiPath(deployment, 'postmortem') + query(parameters);
}

/** The report as a file; every refusal is an `ApiProblem`. */
export async function fetchPostmortem(
  address: string,
  options: ClientOptions = {},
): Promise<{ readonly fileName: string; readonly blob: Blob }> {
  const answer = await send(address, options);
  const name = /filename="([^"]+)"/.exec(answer.headers.get('content-disposition') ?? '');
  return { fileName: name?.[1] ?? 'postmortem.html', blob: await answer.blob() };
}

export function fetchDeployments(options?: ClientOptions): Promise<Deployments> {
  return call(deploymentsSchema, '/api/v1/deployments', options);
}

export function fetchReport(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<ReportJson> {
  return call(reportSchema, apiPath(deployment, 'report') + query(range), options);
}

export function fetchSeries(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<Series> {
  return call(seriesSchema, apiPath(deployment, 'series') + query(range), options);
}

export function fetchHeatmap(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<HeatmapAnswer> {
  return call(heatmapAnswerSchema, apiPath(deployment, 'heatmap') + query(range), options);
}

export function fetchStrip(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<StripAnswer> {
  return call(stripAnswerSchema, apiPath(deployment, 'strip') + query(range), options);
}

export function fetchBreakdown(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<Breakdown> {
  return call(breakdownSchema, apiPath(deployment, 'breakdown') + query(range), options);
}

export function fetchWaits(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<Waits> {
  return call(waitsSchema, apiPath(deployment, 'waits') + query(range), options);
}

export function fetchStragglers(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<StragglersAnswer> {
  return call(stragglersSchema, apiPath(deployment, 'stragglers') + query(range), options);
}

export function fetchExperts(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<ExpertsAnswer> {
  return call(expertsAnswerSchema, apiPath(deployment, 'experts') + query(range), options);
}

/** The path of the step with the number `step`, else of the slowest or the newest in the window. */
export function fetchCriticalPath(
  deployment: string,
  question: TimeRange & {
    readonly pick?: 'slowest' | 'newest';
    readonly step?: number;
    readonly domain?: number;
  },
  options?: ClientOptions,
): Promise<CriticalPath> {
  const { pick, step, domain, ...range } = question;
  const parameters = {
    ...range,
    ...(pick === undefined ? {} : { pick }),
    ...(step === undefined ? {} : { step: String(step) }),
    ...(domain === undefined ? {} : { domain: String(domain) }),
  };
  return call(
    criticalPathSchema,
    apiPath(deployment, 'critical-path') + query(parameters),
    options,
  );
}

/** A side without times: the newest minute, or for A the window before B's (docs/api.md). */
export interface ComparedWindow extends TimeRange {
  readonly deployment: string;
}

export function fetchCompare(
  a: ComparedWindow,
  b: ComparedWindow,
  options?: ClientOptions,
): Promise<Compare> {
  const parameters: Record<string, string> = {};
  for (const [name, side] of [
    ['a', a],
    ['b', b],
  ] as const) {
    parameters[name] = side.deployment;
    if (side.from !== undefined) parameters[`${name}.from`] = side.from;
    if (side.to !== undefined) parameters[`${name}.to`] = side.to;
  }
  return call(compareSchema, `/api/v1/compare${query(parameters)}`, options);
}

/** `set`: changes such as "ratio=12A4F" (lib/api/whatif.ts); none: the replay alone. */
export function fetchWhatif(
  deployment: string,
  question: TimeRange & { readonly set?: readonly string[] },
  options?: ClientOptions,
): Promise<WhatifAnswer> {
  const { set = [], ...range } = question;
  const search = new URLSearchParams(query(range));
  for (const change of set) search.append('set', change);
  const parameters = search.size === 0 ? '' : `?${search}`;
  return call(whatifSchema, apiPath(deployment, 'whatif') + parameters, options);
}

/** `bins`: how many there is room for; `workers`: ids, all where absent. */
export function fetchTimeline(
  deployment: string,
  question: TimeRange & { readonly bins?: number; readonly workers?: readonly string[] },
  options?: ClientOptions,
): Promise<Timeline> {
  const { bins, workers, ...range } = question;
  const parameters = {
    ...range,
    ...(bins === undefined ? {} : { bins: String(bins) }),
    ...(workers === undefined ? {} : { workers: workers.join(',') }),
  };
  return call(timelineSchema, apiPath(deployment, 'timeline') + query(parameters), options);
}

export function fetchImports(options?: ClientOptions): Promise<ImportsJson> {
  return call(importsSchema, '/api/v1/imports', options);
}

/** Gives an import's events to retention. */
export function unpinImport(id: string, options?: ClientOptions): Promise<Unpinned> {
  return call(unpinnedSchema, `/api/v1/imports${query({ id })}`, options, { method: 'DELETE' });
}

export function fetchHealth(options?: ClientOptions): Promise<Health> {
  return call(healthSchema, '/api/v1/health', options);
}

export function fetchAnnotations(
  deployment: string,
  range: TimeRange,
  options?: ClientOptions,
): Promise<Annotations> {
  return call(annotationsSchema, `/api/v1/annotations${query({ deployment, ...range })}`, options);
}

export function postAnnotation(
  annotation: AnnotationRequest,
  options?: ClientOptions,
): Promise<AnnotationJson> {
  return call(annotationSchema, '/api/v1/annotations', options, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(annotation),
  });
}

/** Deletes; an id that is not there is a `not-found` problem. */
export async function deleteAnnotation(id: string, options?: ClientOptions): Promise<void> {
  await send(`/api/v1/annotations${query({ id })}`, options, { method: 'DELETE' });
}

const INSTANTS = new Set(['from', 'to', 'at', 'near', 'a.from', 'a.to', 'b.from', 'b.to']);
/** With fewer digits the API takes an instant for one in another unit (docs/api.md, "Times"). */
const INSTANT_DIGITS = 19;

export function query(parameters: Readonly<Record<string, string>> | TimeRange): string {
  const search = new URLSearchParams();
  for (const [name, value] of Object.entries(parameters)) {
    if (typeof value !== 'string') continue;
    const isUnixNs = INSTANTS.has(name) && /^-?\d+$/.test(value);
    search.set(name, isUnixNs ? instantText(value) : value);
  }
  return search.size === 0 ? '' : `?${search}`;
}

/** A view may begin before 1970, of which nothing can be kept. */
function instantText(unixNs: string): string {
  return (unixNs.startsWith('-') ? '' : unixNs).padStart(INSTANT_DIGITS, '0');
}

export async function call<T>(
  schema: z.ZodType<T>,
  path: string,
  options: ClientOptions = {},
  init: RequestInit = {},
): Promise<T> {
  const response = await send(path, options, init);
  let body: unknown;
  try {
    body = await response.json();
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw contractProblem(path, 'is not JSON');
  }
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const issue = parsed.error.issues[0];
  throw contractProblem(path, `is wrong at "${issue?.path.join('.')}": ${issue?.message}`);
}

export async function send(
  path: string,
  options: ClientOptions = {},
  init: RequestInit = {},
): Promise<Response> {
  const address = (options.baseUrl ?? '') + path;
  const ahead = init.method === undefined ? takeAhead(address) : null;
  let response: Response;
  try {
    response = await (ahead ??
      fetch(address, {
        ...init,
        cache: 'no-store',
        ...(options.signal === undefined ? {} : { signal: options.signal }),
      }));
  } catch (error) {
    if (options.signal?.aborted === true) throw error;
    throw new ApiProblem({
      type: 'about:blank#unreachable',
      title: 'The web server cannot be reached',
      status: 0,
      detail: `No answer from ${path}. Check that afdscope is still running.`,
    });
  }
  if (response.ok) return response;
  const parsed = problemSchema.safeParse(await response.json().catch(() => null));
  throw new ApiProblem(
    parsed.success
      ? parsed.data
      : {
          type: 'about:blank#unknown',
          title: 'The request failed',
          status: response.status,
          detail: `${path} answered ${response.status} ${response.statusText}.`,
        },
  );
}

function contractProblem(path: string, what: string): ApiProblem {
  return new ApiProblem({
    type: 'about:blank#contract',
    title: 'The answer cannot be read',
    status: 0,
    detail: `The answer of ${path} ${what}. Reload the page: it may be of another version.`,
  });
}
