/** The report of telemetry files, without a store: `afdscope analyze FILE…`. */
import { buildReport, reportOf } from '#lib/analysis/build-report.ts';
import type { Report } from '#lib/analysis/report-types.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import { builtInKernels, loadKernelTable } from '#lib/ingest/kernel-table-file.ts';
import { readTelemetryFiles, type TelemetryFiles } from '#lib/ingest/read-files.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble, deploymentsIn } from '#lib/model/assemble.ts';
import { readArchiveTables } from './archive-file.ts';
import { BadQuestionError, UnknownDeploymentError } from './errors.ts';
import { LONG_REPORT_EVENTS, reportInSlices } from './long-report.ts';
import { rejectionsOf } from './rejections.ts';
import { completed } from './report.ts';
import { parseWindow, type TimeTexts } from './window.ts';

export interface AnalyzeOptions extends TimeTexts {
  /** May be left out where the files hold one only; of GPU traces, which name none, the name. */
  readonly deployment?: string | undefined;
  /** File of a kernel table (docs/kineto.md), whose rules come before the built-in ones. */
  readonly kernels?: string | null | undefined;
}

export interface FileAnalysis {
  readonly report: Report;
  /** What was read, and what of it was refused and why. */
  readonly files: TelemetryFiles;
}

/**
 * Throws `TelemetryFileError` for a file that cannot be read, `KernelTableError` for a wrong kernel
 * table, `BadQuestionError` for a wrong time or
 * where the files hold several deployments and none is named, `UnknownDeploymentError` where they do
 * not hold the one that is.
 */
export async function analyzeFiles(
  paths: readonly string[],
  options: AnalyzeOptions,
  nowUnixNs: UnixNanos,
): Promise<FileAnalysis> {
  const given = parseWindow(options, nowUnixNs);
  const files = await readQuestionFiles(paths, options);
  const deployment = chooseDeployment(deploymentsIn(files.events), options.deployment);
  const { late = 0, ...rejected } = rejectionsOf(files.rejected, deployment);
  const quality = { late, rejected };
  // In slices, many events need less memory at once; the report is the same.
  const rows = files.events.reduce((sum, { length }) => sum + length, 0);
  if (rows > LONG_REPORT_EVENTS) {
    const report = await reportInSlices(files.events, deployment, given, quality);
    if (report !== null) return { report, files };
  }
  if (given.fromUnixNs === undefined && given.toUnixNs === undefined) {
    return { report: buildReport({ events: files.events, deployment, ...quality }), files };
  }
  const { tables, clock } = alignEvents(files.events, deployment, given);
  const assembled = assemble(tables, deployment);
  const report = reportOf(assembled, completed(given, assembled), { ...quality, clock });
  return { report, files };
}

/** Throws `KernelTableError` for a table that is wrong, and what `readTelemetryFiles` throws. */
export function readQuestionFiles(
  paths: readonly string[],
  { deployment, kernels }: AnalyzeOptions,
): Promise<TelemetryFiles> {
  const table = kernels == null ? builtInKernels() : loadKernelTable(kernels);
  return readTelemetryFiles(paths, { deployment, kernels: table, readOther: readArchiveTables });
}

/** The deployment asked for, or the only one. */
export function chooseDeployment(found: readonly string[], asked: string | undefined): string {
  if (asked !== undefined) {
    if (!found.includes(asked)) throw new UnknownDeploymentError(asked, found);
    return asked;
  }
  if (found.length > 1) {
    throw new BadQuestionError(
      'deployment',
      `The files hold ${found.length} deployments; name one of: ${found.join(', ')}.`,
    );
  }
  // Files without a single AFD event still get a report: one that says so.
  return found[0] ?? 'default';
}
