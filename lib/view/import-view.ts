/** What an import is told as. */
import type { ImportJson } from '#lib/api/imports.ts';
import { countFigure, figureText } from './format.ts';
import type { TimeSelection } from './time-range.ts';

export interface ImportLine {
  readonly id: string;
  /** Names of its files, short. */
  readonly title: string;
  readonly word: 'receiving' | 'waiting' | 'reading' | 'storing' | 'done' | 'failed' | 'partly';
  /** 0 to 1 while it goes on and that is known. */
  readonly progress: number | null;
  readonly summary: string;
  readonly opens: readonly { readonly deployment: string; readonly range: TimeSelection }[];
  /** Why it failed as a whole. */
  readonly problems: readonly string[];
  /** Files of which nothing was taken. */
  readonly leftOut: readonly LeftOutFile[];
  readonly notes: readonly string[];
  /** What was made of GPU traces, in lines. */
  readonly recognised: readonly string[];
  readonly isOver: boolean;
}

export interface LeftOutFile {
  readonly name: string;
  readonly reason: string;
}

const NAMES = 2;

export function importLine(one: ImportJson): ImportLine {
  const names = one.files.map(({ name }) => name);
  const more = names.length - NAMES;
  const left = leftOutFiles(one);
  const isFailed = one.state === 'failed';
  return {
    id: one.id,
    title: names.slice(0, NAMES).join(', ') + (more > 0 ? ` and ${more} more` : '') || 'files',
    word: wordOf(one, left.length),
    progress: progressOf(one),
    summary: summaryOf(one),
    opens: one.deployments.flatMap(({ deployment, window }) =>
      window === null
        ? []
        : [
            {
              deployment,
              range: {
                kind: 'absolute' as const,
                fromMs: Number(BigInt(window.fromUnixNs) / 1_000_000n),
                toMs: Number((BigInt(window.toUnixNs) + 999_999n) / 1_000_000n),
              },
            },
          ],
    ),
    problems: isFailed ? [one.error ?? 'it failed'] : [],
    // What the sentence above says already is not said twice.
    leftOut: isFailed ? left.filter(({ reason }) => one.error?.includes(reason) !== true) : left,
    notes: [...one.warnings, ...one.messages],
    recognised: recognisedLines(one.recognition),
    isOver: isFailed || one.state === 'done',
  };
}

export function leftOutFiles({ files }: Pick<ImportJson, 'files'>): readonly LeftOutFile[] {
  return files.flatMap(({ name, error }) => {
    if (error === null) return [];
    const isNamed = error.startsWith(`${name}: `);
    return [{ name, reason: isNamed ? error.slice(name.length + 2) : error }];
  });
}

function wordOf(one: ImportJson, leftOut: number): ImportLine['word'] {
  if (one.state === 'done') return leftOut > 0 ? 'partly' : 'done';
  if (one.state !== 'running') return one.state;
  return one.progress?.what === 'events' ? 'storing' : 'reading';
}

function progressOf({ progress }: ImportJson): number | null {
  if (progress === null || progress.total === null || progress.total === 0) return null;
  return Math.min(1, progress.done / progress.total);
}

function summaryOf(one: ImportJson): string {
  const parts: string[] = [];
  if (one.duplicate) parts.push('imported before: nothing was stored again');
  const leftOut = leftOutFiles(one).length;
  if (leftOut > 0 && one.state === 'done') {
    parts.push(`${one.files.length - leftOut} of ${counted(one.files.length, 'files')}`);
  }
  const steps = one.deployments.reduce((sum, { steps: n }) => sum + n, 0);
  const workers = one.deployments.reduce((sum, { workers: n }) => sum + n, 0);
  if (one.events > 0) parts.push(counted(one.events, 'events'));
  if (one.duplicateEvents > 0)
    parts.push(`${counted(one.duplicateEvents, 'events')} were there before`);
  if (steps > 0) parts.push(counted(steps, 'steps'));
  if (workers > 0) parts.push(counted(workers, 'workers'));
  if (one.points > 0) parts.push(counted(one.points, 'metric points'));
  if (one.annotations > 0) parts.push(counted(one.annotations, 'notes'));
  const refused = Object.entries(one.rejected).filter(([, n]) => n > 0);
  if (refused.length > 0) {
    parts.push(`refused or changed: ${refused.map(([reason, n]) => `${reason} ${n}`).join(', ')}`);
  }
  return parts.join(' · ');
}

function counted(count: number, unit: string): string {
  const one = count === 1 ? unit.replace(/ies$/, 'y').replace(/s$/, '') : unit;
  return figureText(countFigure(count, one));
}

/** Read softly: a collector of another version may say it in another way. */
function recognisedLines(recognition: unknown): readonly string[] {
  if (!isRecord(recognition)) return [];
  const lines: string[] = [];
  const kernels = numberAt(recognition, 'kernels');
  if (kernels !== null)
    lines.push(
      `${counted(kernels, 'kernels')}, ${counted(numberAt(recognition, 'copies') ?? 0, 'copies')}`,
    );
  const libraries = listAt(recognition, 'libraries')
    .filter((row) => textAt(row, 'library') !== '')
    .map((row) => `${textAt(row, 'library')} ${numberAt(row, 'kernels') ?? 0}`);
  if (libraries.length > 0) lines.push(`libraries: ${libraries.slice(0, 8).join(', ')}`);
  for (const what of ['steps', 'layers', 'microbatches'] as const) {
    const row = recognition[what];
    const count = isRecord(row) ? numberAt(row, 'count') : null;
    if (count !== null) lines.push(count === 0 ? `${what}: none found` : `${what}: ${count}`);
  }
  const unknown = isRecord(recognition.unknownTotal)
    ? numberAt(recognition.unknownTotal, 'kernels')
    : null;
  if (unknown !== null && unknown > 0) {
    const names = listAt(recognition, 'unknown').map((row) => textAt(row, 'name'));
    lines.push(`no rule knows ${counted(unknown, 'kernels')}: ${names.slice(0, 5).join(', ')}`);
  }
  for (const row of listAt(recognition, 'leftOut')) {
    lines.push(
      `left out: ${numberAt(row, 'count') ?? 0} ${textAt(row, 'what')} (${textAt(row, 'why')})`,
    );
  }
  for (const file of listAt(recognition, 'files')) {
    const problems = file.problems;
    if (Array.isArray(problems)) for (const problem of problems) lines.push(String(problem));
  }
  return lines;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}

function listAt(record: Record<string, unknown>, name: string): Record<string, unknown>[] {
  const value = record[name];
  return Array.isArray(value) ? value.filter(isRecord) : [];
}

function numberAt(record: Record<string, unknown>, name: string): number | null {
  const value = record[name];
  return typeof value === 'number' ? value : null;
}

function textAt(record: Record<string, unknown>, name: string): string {
  const value = record[name];
  return typeof value === 'string' ? value : '';
}
