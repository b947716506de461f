/** What was recognised in GPU traces and what was not, for people. */
import type { Membership, TraceRecognition } from '#lib/ingest/kineto-types.ts';
import { countText, durationText, ratioText } from './figures.ts';
import { printable } from './printable.ts';

const MAX_FILES = 16;
const MAX_RULES = 12;
const MAX_UNKNOWN = 8;
const MAX_LEFT_OUT = 12;

export function formatRecognition(recognition: TraceRecognition): string {
  const { files, kernels, copies } = recognition;
  const lines = [
    `${countText(files.length)} GPU traces, ${countText(recognition.traceEvents)} events: ${countText(kernels)} kernels and ${countText(copies)} copies became stage events`,
    ...fileLines(recognition),
    ...kernelLines(recognition),
    memberLine('steps', recognition.steps),
    memberLine('layers', recognition.layers),
    memberLine('micro-batches', recognition.microbatches),
    ...leftOutLines(recognition),
  ];
  return printable(lines.join('\n'));
}

function fileLines({ files }: TraceRecognition): string[] {
  const lines = files
    .slice(0, MAX_FILES)
    .flatMap((file) => [
      `  ${file.path}: rank ${file.rank} (${file.rankFrom}), ${file.workers.join(', ')}, ${countText(file.gpuEvents)} GPU events`,
      ...file.problems.map((problem) => `    ${problem}`),
    ]);
  return files.length > MAX_FILES
    ? [...lines, `  and ${countText(files.length - MAX_FILES)} more`]
    : lines;
}

function kernelLines({ rules, unknown, ...recognition }: TraceRecognition): string[] {
  const known = rules.reduce((sum, { totalNs }) => sum + totalNs, 0);
  const allNs = known + recognition.unknownTotal.totalNs;
  const part = (name: string, kernels: number, totalNs: number) =>
    `    ${name}: ${countText(kernels)} kernels, ${durationText(totalNs)} (${ratioText(allNs === 0 ? null : totalNs / allNs)})`;
  return [
    ...(rules.length === 0 ? [] : ['  known by name:']),
    ...rules
      .slice(0, MAX_RULES)
      .map(({ rule, stage, kernels, totalNs }) =>
        part(rule === stage ? stage : `${rule} -> ${stage}`, kernels, totalNs),
      ),
    ...(rules.length > MAX_RULES ? [`    and ${countText(rules.length - MAX_RULES)} more`] : []),
    ...(unknown.length === 0
      ? []
      : [
          `  not known, ${countText(recognition.unknownNames)} names, ${durationText(recognition.unknownTotal.totalNs)} (give them stages with --kernels FILE):`,
        ]),
    ...unknown
      .slice(0, MAX_UNKNOWN)
      .map(({ name, kernels, totalNs }) => part(name, kernels, totalNs)),
    ...(recognition.unknownNames > MAX_UNKNOWN
      ? [`    and ${countText(recognition.unknownNames - MAX_UNKNOWN)} more`]
      : []),
    ...(recognition.foldedNames === 0
      ? []
      : [
          `    the ${countText(recognition.foldedNames)} names that take least time share the stage kernel`,
        ]),
  ];
}

function memberLine(what: string, member: Membership): string {
  if (member.count === 0) {
    const why =
      member.annotations === 0
        ? 'no range names one'
        : `${countText(member.annotations)} ranges, but no kernel is in one`;
    return `  ${what}: none (${why})`;
  }
  const by = [
    [member.byLaunch, 'by their launch'],
    [member.byGpuRange, 'by ranges on the GPU'],
    [member.byTime, 'by time'],
    [member.none, 'in none'],
  ] as const;
  const parts = by
    .filter(([count]) => count > 0)
    .map(([count, how]) => `${countText(count)} ${how}`);
  return `  ${what}: ${countText(member.count)} from ${countText(member.annotations)} ranges; kernels and copies ${parts.join(', ')}`;
}

function leftOutLines({ leftOut }: TraceRecognition): string[] {
  if (leftOut.length === 0) return [];
  return [
    '  not stage events:',
    ...leftOut
      .slice(0, MAX_LEFT_OUT)
      .map(({ what, count, why }) => `    ${countText(count)} ${what}: ${why}`),
  ];
}
