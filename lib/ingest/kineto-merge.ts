/**
 * Traces of several ranks as one selection: who each worker is, which kernel names keep a stage of
 * their own, and one recognition report.
 */
import { STAGES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import type { WorkerRule } from './kernel-table.ts';
import { type KinetoFile, type NameTotal, OTHER_KERNELS } from './kineto-file.ts';
import type {
  KernelCount,
  KinetoFiles,
  LeftOut,
  Membership,
  TraceFileRecognition,
  TraceRecognition,
} from './kineto-types.ts';

/** Names that no rule knows keep stages of their own up to here, by time. */
export const MAX_OWN_STAGES = 256;
const MAX_UNKNOWN_LISTED = 20;

/** Changes the stage columns of the files' tables in place. */
export function mergeKinetoFiles(
  files: readonly KinetoFile[],
  deployment: string,
  workerRules: readonly WorkerRule[],
): KinetoFiles {
  const ranks = ranksOf(files);
  const most = files.reduce((count, { devices }) => Math.max(count, devices.length), 1);
  const totals = sumTotals(files);
  const { kept, folded } = ownStages(totals);
  const stageNames = [...STAGES, ...kept];
  const codes = new Map(stageNames.map((name, code) => [name, code]));
  const other = codes.get(OTHER_KERNELS) ?? stageNames.length;
  const events: EventTable[] = [];
  const recognitions: TraceFileRecognition[] = [];
  for (const [f, file] of files.entries()) {
    const { rank, from } = ranks[f]!;
    const byId = [...file.devices].sort((a, b) => a.id - b.id);
    const workers = file.devices.map((device): WorkerInfo => {
      const spread = most === 1 ? rank : rank * most + byId.indexOf(device);
      return workerOf(file, deployment, groupRank(file, rank, spread, workerRules), device.gpu);
    });
    const stageOf = file.table.stageNames.map((name) => codes.get(name) ?? other);
    const { stage } = file.table;
    for (let i = 0; i < stage.length; i++) stage[i] = stageOf[stage[i]!]!;
    if (file.table.length > 0) events.push({ ...file.table, workers, stageNames });
    recognitions.push({
      ...file.file,
      rank,
      rankFrom: from,
      workers: workers.map(workerId).sort(),
      problems: [...file.file.problems, ...ranks[f]!.problems],
    });
  }
  return { events, recognition: recognitionOf(files, recognitions, totals, folded) };
}

interface Rank {
  readonly rank: number;
  readonly from: TraceFileRecognition['rankFrom'];
  readonly problems: readonly string[];
}

/**
 * Files that say the same rank are captures of one worker, one after the other. Where they overlap in
 * time they cannot be: then their names, or their order, tell the workers apart.
 */
function ranksOf(files: readonly KinetoFile[]): Rank[] {
  const said = files.map(({ rank }, f): Rank => {
    if (rank !== null) return { rank: rank.value, from: rank.from, problems: [] };
    return { rank: f, from: 'order of the files', problems: [] };
  });
  const clash = said.some((a, i) =>
    said.some(
      (b, j) =>
        i < j &&
        a.rank === b.rank &&
        files[i]!.group === files[j]!.group &&
        overlap(files[i]!.table, files[j]!.table),
    ),
  );
  if (!clash) return said;
  return said.map(
    ({ rank }, f): Rank => ({
      rank: f,
      from: 'order of the files',
      problems: [
        `says rank ${rank}, as another file of the same time does: numbered ${f} by the order of the files`,
      ],
    }),
  );
}

function overlap(a: EventTable, b: EventTable): boolean {
  const [x, y] = [spanOf(a), spanOf(b)];
  return x !== null && y !== null && x.from < y.to && y.from < x.to;
}

function spanOf({
  length,
  startNs,
  durationNs,
  baseUnixNs,
}: EventTable): { from: bigint; to: bigint } | null {
  if (length === 0) return null;
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for (let i = 0; i < length; i++) {
    first = Math.min(first, startNs[i]!);
    last = Math.max(last, startNs[i]! + durationNs[i]!);
  }
  return { from: baseUnixNs + BigInt(first), to: baseUnixNs + BigInt(last) };
}

/** A rule that lists ranks numbers its group from 0 in the order it lists them. */
function groupRank(
  { group, role }: KinetoFile,
  rank: number,
  spread: number,
  rules: readonly WorkerRule[],
): number {
  if (spread !== rank) return spread;
  const rule = rules.find(
    (one) => one.group === group && one.role === role && one.ranks?.includes(rank) === true,
  );
  return rule?.ranks?.indexOf(rank) ?? rank;
}

function workerOf(file: KinetoFile, deployment: string, rank: number, gpu: string): WorkerInfo {
  return {
    deployment,
    group: file.group,
    role: file.role,
    rank,
    domain: 0,
    incarnation: '',
    service: '',
    instanceId: '',
    host: file.host,
    hwId: '',
    clockDomain: file.host,
    sendEnd: 'unknown',
    sendMode: 'unknown',
    topology: '',
    microbatches: 0,
    layers: 0,
    connector: '',
    model: '',
    ...(gpu === '' ? {} : { gpu }),
  };
}

function sumTotals(files: readonly KinetoFile[]): NameTotal[] {
  const sums = new Map<string, { -readonly [key in keyof NameTotal]: NameTotal[key] }>();
  for (const { totals } of files) {
    for (const total of totals) {
      const key = `${total.rule}\0${total.library}\0${total.stage}`;
      const sum = sums.get(key);
      if (sum === undefined) sums.set(key, { ...total });
      else {
        sum.kernels += total.kernels;
        sum.totalNs += total.totalNs;
      }
    }
  }
  return [...sums.values()].sort(byTime);
}

function byTime(a: NameTotal, b: NameTotal): number {
  return b.totalNs - a.totalNs || b.kernels - a.kernels || (a.stage < b.stage ? -1 : 1);
}

/** Stages beyond the schema's: those of rules, then of the names that take most time. */
function ownStages(totals: readonly NameTotal[]): { kept: string[]; folded: number } {
  const kept = new Set<string>();
  const schema: ReadonlySet<string> = new Set(STAGES);
  for (const { rule, stage } of totals) if (rule !== '' && !schema.has(stage)) kept.add(stage);
  let own = 0;
  let folded = 0;
  for (const { rule, stage } of totals) {
    if (rule !== '' || schema.has(stage) || kept.has(stage)) continue;
    if (own < MAX_OWN_STAGES) {
      kept.add(stage);
      own++;
    } else folded++;
  }
  if (folded > 0) kept.add(OTHER_KERNELS);
  return { kept: [...kept], folded };
}

function recognitionOf(
  files: readonly KinetoFile[],
  recognitions: readonly TraceFileRecognition[],
  totals: readonly NameTotal[],
  foldedNames: number,
): TraceRecognition {
  const known = totals.filter(({ rule }) => rule !== '');
  const unknown = totals.filter(({ rule }) => rule === '');
  const libraries = Map.groupBy(known, ({ library }) => library);
  const sum = (numbers: readonly number[]): number => numbers.reduce((all, one) => all + one, 0);
  const all = (parts: readonly KernelCount[]): KernelCount => ({
    kernels: sum(parts.map(({ kernels }) => kernels)),
    totalNs: sum(parts.map(({ totalNs }) => totalNs)),
  });
  return {
    files: recognitions,
    traceEvents: sum(recognitions.map(({ traceEvents }) => traceEvents)),
    gpuEvents: sum(recognitions.map(({ gpuEvents }) => gpuEvents)),
    kernels: sum(files.map(({ kernels }) => kernels)),
    copies: sum(files.map(({ copies }) => copies)),
    rules: known.map(({ rule, library, stage, kernels, totalNs }) => ({
      rule,
      library,
      stage,
      kernels,
      totalNs,
    })),
    libraries: [...libraries]
      .map(([library, parts]) => ({ library, ...all(parts) }))
      .sort((a, b) => b.totalNs - a.totalNs),
    unknown: unknown
      .slice(0, MAX_UNKNOWN_LISTED)
      .map(({ stage, kernels, totalNs }) => ({ name: stage, kernels, totalNs })),
    unknownNames: unknown.length,
    unknownTotal: all(unknown),
    foldedNames,
    steps: sumMemberships(files, 'steps'),
    layers: sumMemberships(files, 'layers'),
    microbatches: sumMemberships(files, 'microbatches'),
    leftOut: sumLeftOut(files),
  };
}

function sumMemberships(
  files: readonly KinetoFile[],
  what: 'steps' | 'layers' | 'microbatches',
): Membership {
  const numbers = new Set(files.flatMap((file) => file.numbers[what]));
  const sum = {
    count: numbers.size,
    annotations: 0,
    byLaunch: 0,
    byGpuRange: 0,
    byTime: 0,
    none: 0,
  };
  for (const { memberships } of files) {
    const one = memberships[what];
    sum.annotations += one.annotations;
    sum.byLaunch += one.byLaunch;
    sum.byGpuRange += one.byGpuRange;
    sum.byTime += one.byTime;
    sum.none += one.none;
  }
  return sum;
}

function sumLeftOut(files: readonly KinetoFile[]): LeftOut[] {
  const sums = new Map<string, LeftOut>();
  for (const { leftOut } of files) {
    for (const one of leftOut) {
      const known = sums.get(one.what);
      sums.set(one.what, { ...one, count: one.count + (known?.count ?? 0) });
    }
  }
  return [...sums.values()].sort((a, b) => b.count - a.count);
}
