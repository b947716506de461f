/** The JSON headers of chunks: written as they are, checked field by field when read. */
import { damaged } from './chunk-frame.ts';
import { ROLES, type Role } from './codes.ts';
import type { MetricSeries } from './metric-table.ts';
import { TIMINGS, type Timing, type WorkerInfo } from './worker-info.ts';
import { WORKER_NUMBERS, WORKER_TEXTS } from './worker-key.ts';

/** No chunk is larger: what a reader may be made to allocate. */
export const MAX_CHUNK_ROWS = 2 ** 24;

export interface EventHeader {
  readonly length: number;
  readonly baseUnixNs: string;
  readonly workers: readonly WorkerInfo[];
  readonly stageNames: readonly string[];
}

export interface PackedHeader {
  readonly length: number;
  readonly baseUnixNs: string;
  /** Ids stand for workers that are listed elsewhere. */
  readonly workers: readonly (WorkerInfo | number)[];
}

export interface MetricHeader {
  readonly length: number;
  readonly baseUnixNs: string;
  readonly series: readonly MetricSeries[];
}

/** @throws ChunkFormatError */
export function parseEventHeader(raw: unknown): EventHeader {
  const header = object(raw);
  return {
    length: rowCount(header),
    baseUnixNs: instant(header),
    workers: list(header, 'workers').map(parseWorker),
    stageNames: list(header, 'stageNames').map((name) => {
      if (typeof name !== 'string') throw damaged('a stage name is not text');
      return name;
    }),
  };
}

/** @throws ChunkFormatError */
export function parsePackedHeader(raw: unknown): PackedHeader {
  const header = object(raw);
  return {
    length: rowCount(header),
    baseUnixNs: instant(header),
    workers: list(header, 'workers').map((entry) =>
      typeof entry === 'number' ? entry : parseWorker(entry),
    ),
  };
}

/** @throws ChunkFormatError */
export function parseMetricHeader(raw: unknown): MetricHeader {
  const header = object(raw);
  return {
    length: rowCount(header),
    baseUnixNs: instant(header),
    series: list(header, 'series').map(parseSeries),
  };
}

const SEND_ENDS = ['arrival', 'posted', 'acked', 'unknown'] as const;
const SEND_MODES = ['rendezvous', 'unknown'] as const;
const SERIES_TYPES = ['gauge', 'sum', 'histogram'] as const;

/** @throws ChunkFormatError */
export function parseWorker(raw: unknown): WorkerInfo {
  const fields = object(raw);
  for (const name of WORKER_TEXTS) text(fields, name);
  for (const name of WORKER_NUMBERS) number(fields, name);
  return {
    deployment: text(fields, 'deployment'),
    group: text(fields, 'group'),
    role: oneOf<Role>(fields, 'role', ROLES),
    rank: number(fields, 'rank'),
    domain: number(fields, 'domain'),
    incarnation: text(fields, 'incarnation'),
    service: text(fields, 'service'),
    instanceId: text(fields, 'instanceId'),
    host: text(fields, 'host'),
    hwId: text(fields, 'hwId'),
    clockDomain: text(fields, 'clockDomain'),
    sendEnd: oneOf(fields, 'sendEnd', SEND_ENDS),
    sendMode: oneOf(fields, 'sendMode', SEND_MODES),
    topology: text(fields, 'topology'),
    microbatches: number(fields, 'microbatches'),
    layers: number(fields, 'layers'),
    connector: text(fields, 'connector'),
    model: text(fields, 'model'),
    ...(fields.gpu === undefined ? {} : { gpu: text(fields, 'gpu') }),
    ...(fields.timing === undefined ? {} : { timing: oneOf<Timing>(fields, 'timing', TIMINGS) }),
  };
}

function parseSeries(raw: unknown): MetricSeries {
  const fields = object(raw);
  return {
    deployment: text(fields, 'deployment'),
    workerId: text(fields, 'workerId'),
    host: text(fields, 'host'),
    hwId: text(fields, 'hwId'),
    name: text(fields, 'name'),
    unit: text(fields, 'unit'),
    type: oneOf(fields, 'type', SERIES_TYPES),
    cumulative: flag(fields, 'cumulative'),
    monotonic: flag(fields, 'monotonic'),
    attributes: text(fields, 'attributes'),
    bounds: list(fields, 'bounds').map((bound) => {
      if (typeof bound !== 'number') throw damaged('a histogram bound is not a number');
      return bound;
    }),
  };
}

function object(raw: unknown): Readonly<Record<string, unknown>> {
  if (typeof raw !== 'object' || raw === null || Array.isArray(raw)) {
    throw damaged('the header has another form');
  }
  return raw as Readonly<Record<string, unknown>>;
}

function list(fields: Readonly<Record<string, unknown>>, name: string): readonly unknown[] {
  const value = fields[name];
  if (!Array.isArray(value)) throw damaged(`header field ${name} is not a list`);
  return value;
}

function text(fields: Readonly<Record<string, unknown>>, name: string): string {
  const value = fields[name];
  if (typeof value !== 'string') throw damaged(`header field ${name} is not text`);
  return value;
}

function number(fields: Readonly<Record<string, unknown>>, name: string): number {
  const value = fields[name];
  if (typeof value !== 'number') throw damaged(`header field ${name} is not a number`);
  return value;
}

function flag(fields: Readonly<Record<string, unknown>>, name: string): boolean {
  const value = fields[name];
  if (typeof value !== 'boolean') throw damaged(`header field ${name} is not true or false`);
  return value;
}

function oneOf<T extends string>(
  fields: Readonly<Record<string, unknown>>,
  name: string,
  allowed: readonly T[],
): T {
  const found = allowed.find((value) => value === fields[name]);
  if (found === undefined) throw damaged(`header field ${name} has an unknown value`);
  return found;
}

function rowCount(fields: Readonly<Record<string, unknown>>): number {
  const value = number(fields, 'length');
  if (!Number.isInteger(value) || value < 0 || value > MAX_CHUNK_ROWS) {
    throw damaged(`header field length is ${value}`);
  }
  return value;
}

function instant(fields: Readonly<Record<string, unknown>>): string {
  const value = text(fields, 'baseUnixNs');
  if (!/^-?\d{1,20}$/.test(value)) throw damaged('header field baseUnixNs is not an integer');
  return value;
}
