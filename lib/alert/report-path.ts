/**
 * Figures of the report by path: `report:balance.taNs`, `report:layers.ffnNs.p99` (a series a layer),
 * `report:groups.causes.peerQueueNs/activeNs` (the second part beside the first, and its weight). Which
 * paths there are is read from the report's schema.
 */
import { z } from 'zod';
import type { SeriesLabel } from '#lib/api/alert-metrics.ts';
import { type ReportJson, reportSchema } from '#lib/api/report-schema.ts';
import { closest } from '#lib/base/closest.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import { namedMetric, REPORT_PREFIX } from './metric-kinds.ts';

/** Lists whose rows are series, and the fields that tell them apart. */
const LISTS: Readonly<Record<string, Partial<Record<SeriesLabel, string>>>> = {
  groups: { group: 'group' },
  workers: { worker: 'id', group: 'group' },
  layers: { layer: 'layer' },
  stages: { group: 'group', stage: 'stage' },
  'experts.layers': { layer: 'layer' },
  'experts.workers': { worker: 'worker' },
  'clock.domains': { domain: 'domain' },
  'utilization.groups': { group: 'group' },
};

export interface ReportPath {
  /** Of the list whose rows are series; '': one series. */
  readonly list: string;
  readonly labels: Partial<Record<SeriesLabel, string>>;
  /** Within a row, or within the report. */
  readonly value: readonly string[];
  readonly divisor: readonly string[] | null;
}

export interface ReportFigure {
  readonly labels: Readonly<Record<string, string>>;
  readonly value: number;
  readonly weight: number;
}

/** `metric`: with its `report:`. The error says what there is instead. */
export function parseReportPath(metric: string): Result<ReportPath, string> {
  const [path = '', divisorPath, ...more] = metric.slice(REPORT_PREFIX.length).split('/');
  if (more.length > 0) return err('divide once: report:groups.causes.peerQueueNs/activeNs');
  if (!isNumber(path)) return err(unknownPath(path));
  const list = listOf(path);
  const value = path.slice(list === '' ? 0 : list.length + 1).split('.');
  const labels = LISTS[list] ?? {};
  if (divisorPath === undefined) return ok({ list, labels, value, divisor: null });
  const beside = list === '' ? divisorPath : `${list}.${divisorPath}`;
  if (!isNumber(beside)) return err(unknownPath(beside));
  return ok({ list, labels, value, divisor: divisorPath.split('.') });
}

/** Labels that tell the series of a metric or path apart; null: there is no such metric. */
export function labelsOfMetric(metric: string): readonly string[] | null {
  const named = namedMetric(metric);
  if (named !== null) return named.labels;
  if (!metric.startsWith(REPORT_PREFIX)) return null;
  const path = parseReportPath(metric);
  return path.ok ? Object.keys(path.value.labels) : null;
}

/** The series of the path in one report; those that are not known in it are left out. */
export function readReportPath(path: ReportPath, report: ReportJson): ReportFigure[] {
  const rows = path.list === '' ? [report] : fieldOf(report, path.list.split('.'));
  if (!Array.isArray(rows)) return [];
  return rows.flatMap((row: unknown): ReportFigure[] => {
    const value = fieldOf(row, path.value);
    const divisor = path.divisor === null ? 1 : fieldOf(row, path.divisor);
    if (typeof value !== 'number' || typeof divisor !== 'number' || divisor <= 0) return [];
    const labels: Record<string, string> = {};
    for (const [label, field] of Object.entries(path.labels)) {
      labels[label] = String(fieldOf(row, [field]));
    }
    return [{ labels, value: value / divisor, weight: divisor }];
  });
}

function fieldOf(value: unknown, path: readonly string[]): unknown {
  let at = value;
  for (const name of path) {
    if (typeof at !== 'object' || at === null || !Object.hasOwn(at, name)) return undefined;
    at = (at as Readonly<Record<string, unknown>>)[name];
  }
  return at;
}

function listOf(path: string): string {
  return Object.keys(LISTS).find((list) => path.startsWith(`${list}.`)) ?? '';
}

let known: readonly string[] | undefined;

/** Every path to a number, `quality.rejected.*` for those with free names. */
export function reportPaths(): readonly string[] {
  known ??= [...numbersIn(reportSchema, '')];
  return known;
}

function isNumber(path: string): boolean {
  const paths = reportPaths();
  if (paths.includes(path)) return true;
  const parent = path.slice(0, path.lastIndexOf('.'));
  return parent !== '' && path.length > parent.length + 1 && paths.includes(`${parent}.*`);
}

function unknownPath(path: string): string {
  const near = closest(path, reportPaths()) ?? nearestByEnd(path);
  const hint = near === null ? '' : `; did you mean report:${near}?`;
  return `the report has no figure "${path}"${hint}`;
}

/** `taNs` alone means `balance.taNs`. */
function nearestByEnd(path: string): string | null {
  const last = path.slice(path.lastIndexOf('.') + 1);
  return reportPaths().find((one) => one === last || one.endsWith(`.${last}`)) ?? null;
}

function* numbersIn(schema: unknown, path: string): Generator<string> {
  if (schema instanceof z.ZodNullable || schema instanceof z.ZodOptional) {
    yield* numbersIn(schema.unwrap(), path);
  } else if (schema instanceof z.ZodNumber) {
    yield path;
  } else if (schema instanceof z.ZodRecord) {
    yield* numbersIn(schema.valueType, `${path}.*`);
  } else if (schema instanceof z.ZodArray) {
    if (LISTS[path] !== undefined) yield* numbersIn(schema.element, path);
  } else if (schema instanceof z.ZodObject) {
    for (const [name, field] of Object.entries(schema.shape)) {
      yield* numbersIn(field, path === '' ? name : `${path}.${name}`);
    }
  }
}
