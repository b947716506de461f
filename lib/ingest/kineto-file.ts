/**
 * One trace to one event table: GPU work under the stages that a kernel table gives, with step, layer
 * and micro-batch where ranges tell them. Names that no rule knows keep stages of their own here, all
 * of them; `mergeKinetoFiles` (kineto-merge.ts) decides which stay once it has seen every file.
 */
import { type UnixNanos, unixNanos } from '#lib/base/units.ts';
import { DEFAULT_KIND } from '#lib/model/stages.ts';
import { ABSENT, Kind, type Role, STAGES, Stage, type StageName } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { ChromeEnd } from '#lib/wire/chrome-scanner.ts';
import type { KernelTable, WorkerRule } from './kernel-table.ts';
import type { KinetoCollector } from './kineto-collect.ts';
import { RowKind } from './kineto-columns.ts';
import { Memberships } from './kineto-membership.ts';
import {
  type AnnotationMeaning,
  type NameRules,
  shortKernelName,
  stageOf,
} from './kineto-names.ts';
import { fileProblems, leftOutOf } from './kineto-problems.ts';
import { rankOf } from './kineto-rank.ts';
import type { LeftOut, Membership, TraceFileRecognition } from './kineto-types.ts';

/** More names than this in one file share the stage `kernel`. */
const MAX_FILE_STAGES = 20_000;
export const OTHER_KERNELS = 'kernel';
/** The rule of kernels whose stage the range around them tells. */
export const IN_A_RANGE = 'range around the kernel';

/** Kernels of a rule, or of a shortened name that no rule knows. */
export interface NameTotal {
  /** '' where no rule knows the name. */
  readonly rule: string;
  readonly library: string;
  readonly stage: string;
  readonly kernels: number;
  readonly totalNs: number;
}

/** What one file gave; it crosses threads, its columns are handed over. */
export interface KinetoFile {
  readonly file: Omit<TraceFileRecognition, 'workers' | 'rank' | 'rankFrom'>;
  /** null: nothing tells. */
  readonly rank: { readonly value: number; readonly from: 'distributedInfo' | 'file name' } | null;
  readonly host: string;
  readonly role: Role;
  readonly group: string;
  /** By index into the table's `worker` column: the GPU, and its name where the file has it. */
  readonly devices: readonly { readonly id: number; readonly gpu: string }[];
  /** Without workers: the merge knows them. */
  readonly table: EventTable;
  readonly totals: readonly NameTotal[];
  readonly kernels: number;
  readonly copies: number;
  readonly memberships: { steps: Membership; layers: Membership; microbatches: Membership };
  readonly numbers: {
    readonly steps: number[];
    readonly layers: number[];
    readonly microbatches: number[];
  };
  readonly leftOut: readonly LeftOut[];
}

/** What a name means: indexes into the table's stage names and into the totals. */
interface NameMeaning {
  readonly stage: number;
  readonly kind: number;
  /** No rule knows the name: the range around the kernel may say more than its name. */
  readonly unknown: boolean;
  /** -1 until it is counted. */
  total: number;
}

export function kinetoFile(
  path: string,
  fileIndex: number,
  collector: KinetoCollector,
  end: ChromeEnd,
  table: KernelTable,
  rules: NameRules,
): KinetoFile {
  collector.finish();
  const { gpu, scanner } = collector;
  const rank = rankOf(path, collector.members.get('distributedInfo'));
  const worker = workerRule(table.workers, path, rank?.value ?? fileIndex);
  const role = worker?.role ?? 'colocated';
  const stages = new StageList();
  const annotations = new Map<number, AnnotationMeaning | null>();
  const meaningOf = (name: number): AnnotationMeaning | null => {
    const known = annotations.get(name);
    if (known !== undefined) return known;
    const meaning = name < 0 ? null : rules.annotation(scanner.events.names.text(name));
    annotations.set(name, meaning);
    return meaning;
  };
  const memberships = new Memberships(
    collector.launches,
    collector.cpuRanges,
    collector.gpuRanges,
    meaningOf,
    (stage) => stages.code(stageOf(stage, role)),
  );
  const names = new KernelNames(collector, rules, role, stages);
  const devices = new DeviceList(collector.members.get('deviceProperties'));
  const builder = new EventTableBuilder(baseOf(collector), [], stages.names, gpu.length);
  let kernels = 0;
  for (let i = 0; i < gpu.length; i++) {
    const startNs = gpu.startNs[i]!;
    const durationNs = gpu.durationNs[i]!;
    memberships.find(gpu.correlation[i]!, gpu.place[i]!, startNs);
    const { found } = memberships;
    builder.startNs[i] = startNs;
    builder.durationNs[i] = durationNs;
    builder.worker[i] = devices.index(gpu.device[i]!);
    builder.domain[i] = 0;
    builder.step[i] = found.step;
    builder.layer[i] = found.layer;
    builder.microbatch[i] = found.microbatch;
    builder.phase[i] = Math.max(0, found.phase);
    builder.peer[i] = ABSENT;
    if (gpu.kind[i] === RowKind.kernel) {
      kernels++;
      builder.stage[i] = names.place(gpu.name[i]!, found.stage, durationNs);
      builder.kind[i] = names.kind;
    } else {
      builder.stage[i] = Stage.copy;
      builder.kind[i] = Kind.copy;
    }
  }
  builder.length = gpu.length;
  const traceEvents = scanner.events.phaseCounts.reduce((sum, count) => sum + count, 0);
  const phases: Record<string, number> = {};
  scanner.events.phaseCounts.forEach((count, phase) => {
    if (count > 0) phases[phase === 0 ? 'none' : String.fromCharCode(phase)] = count;
  });
  return {
    file: {
      path,
      sizeBytes: end.sizeBytes,
      traceEvents,
      phases,
      gpuEvents: gpu.length,
      problems: fileProblems(collector, end),
    },
    rank,
    host: hostOf(path),
    role,
    group: worker?.group ?? role,
    devices: devices.list,
    table: builder.finish(),
    totals: names.totals(),
    kernels,
    copies: gpu.length - kernels,
    memberships: memberships.summary(),
    numbers: {
      steps: [...memberships.numbers('step')],
      layers: [...memberships.numbers('layer')],
      microbatches: [...memberships.numbers('microbatch')],
    },
    leftOut: leftOutOf(collector),
  };
}

/** Times in the file are relative to `baseTimeNanoseconds`, wherever in the file that is. */
function baseOf(collector: KinetoCollector): UnixNanos {
  const text = collector.members.get('baseTimeNanoseconds')?.replaceAll('"', '') ?? '';
  const base = /^-?\d{1,19}$/.test(text) ? BigInt(text) : 0n;
  const us = Number.isNaN(collector.baseUs) ? 0 : collector.baseUs;
  return unixNanos(base + BigInt(us) * 1000n);
}

function workerRule(
  rules: readonly WorkerRule[],
  path: string,
  rank: number,
): WorkerRule | undefined {
  return rules.find(
    ({ ranks, file }) =>
      (ranks?.includes(rank) ?? true) && (file === '' || new RegExp(file).test(path)),
  );
}

/** "host_1234.1699999999999.pt.trace.json", as torch.profiler's own handler names files. */
function hostOf(path: string): string {
  const name = path.split('/').at(-1) ?? path;
  return /^(.{1,200})_\d+\.\d+\.pt\.trace\.json/.exec(name)?.[1] ?? '';
}

class StageList {
  readonly names: string[] = [...STAGES];
  readonly #codes = new Map<string, number>(STAGES.map((name, code) => [name, code]));

  code(name: string): number {
    const known = this.#codes.get(name);
    if (known !== undefined) return known;
    if (this.names.length >= MAX_FILE_STAGES && name !== OTHER_KERNELS) {
      return this.code(OTHER_KERNELS);
    }
    const code = this.names.push(name) - 1;
    this.#codes.set(name, code);
    return code;
  }
}

class DeviceList {
  readonly list: { id: number; gpu: string }[] = [];
  readonly #byId = new Map<number, number>();
  readonly #properties: readonly unknown[];

  constructor(json: string | undefined) {
    this.#properties = parsedList(json);
  }

  index(id: number): number {
    const known = this.#byId.get(id);
    if (known !== undefined) return known;
    const index = this.list.push({ id, gpu: this.#nameOf(id) }) - 1;
    this.#byId.set(id, index);
    return index;
  }

  #nameOf(id: number): string {
    for (const entry of this.#properties) {
      if (typeof entry !== 'object' || entry === null) continue;
      if ('id' in entry && entry.id === id && 'name' in entry && typeof entry.name === 'string') {
        return entry.name.slice(0, 256);
      }
    }
    return '';
  }
}

function parsedList(json: string | undefined): readonly unknown[] {
  if (json === undefined) return [];
  try {
    const value: unknown = JSON.parse(json);
    return Array.isArray(value) ? value : [];
  } catch {
    return [];
  }
}

/** Kernel names with their stages, and time by rule and by shortened name. */
class KernelNames {
  readonly #collector: KinetoCollector;
  readonly #rules: NameRules;
  readonly #role: Role;
  readonly #stages: StageList;
  /** `Kind` of the kernel that was placed last. */
  kind: number = Kind.compute;
  /** By name id + 1: names that are one too many have none. */
  readonly #meanings: (NameMeaning | undefined)[] = [];
  readonly #labelOf: ({ rule: string; library: string; stage: string } | undefined)[] = [];
  readonly #totalOf = new Map<string, number>();
  readonly #labels: { rule: string; library: string; stage: string }[] = [];
  readonly #kernels: number[] = [];
  readonly #totalNs: number[] = [];

  constructor(collector: KinetoCollector, rules: NameRules, role: Role, stages: StageList) {
    this.#collector = collector;
    this.#rules = rules;
    this.#role = role;
    this.#stages = stages;
  }

  /**
   * The stage of a kernel, whose kind is in `kind` afterwards. `rangeStage` is what the range around it
   * says, -1 where it says nothing.
   */
  place(name: number, rangeStage: number, durationNs: number): number {
    const meaning = this.#meanings[name + 1] ?? this.#resolve(name);
    this.kind = meaning.kind;
    if (meaning.unknown && rangeStage >= 0) {
      const stage = this.#stages.names[rangeStage]!;
      const total = this.#total(IN_A_RANGE, '', stage);
      this.kind = kindOf(stage);
      this.#count(total, durationNs);
      return rangeStage;
    }
    if (meaning.total < 0) {
      const { rule, library, stage } = this.#labelOf[name + 1]!;
      meaning.total = this.#total(rule, library, stage);
    }
    this.#count(meaning.total, durationNs);
    return meaning.stage;
  }

  totals(): NameTotal[] {
    return this.#labels.map((label, i) => ({
      ...label,
      kernels: this.#kernels[i]!,
      totalNs: this.#totalNs[i]!,
    }));
  }

  #count(total: number, durationNs: number): void {
    this.#kernels[total]!++;
    this.#totalNs[total]! += durationNs;
  }

  #resolve(name: number): NameMeaning {
    const text = name < 0 ? '' : this.#collector.scanner.events.names.text(name);
    const rule = this.#rules.kernel(text, this.#role);
    const stage = rule === null ? shortKernelName(text) : stageOf(rule.stage, this.#role);
    const kind =
      rule === null ? Kind.compute : rule.kind === null ? kindOf(stage) : Kind[rule.kind];
    const meaning = { stage: this.#stages.code(stage), kind, unknown: rule === null, total: -1 };
    this.#meanings[name + 1] = meaning;
    this.#labelOf[name + 1] = { rule: rule?.name ?? '', library: rule?.library ?? '', stage };
    return meaning;
  }

  #total(rule: string, library: string, stage: string): number {
    const key = `${rule}\0${library}\0${stage}`;
    const known = this.#totalOf.get(key);
    if (known !== undefined) return known;
    const index = this.#labels.push({ rule, library, stage }) - 1;
    this.#kernels.push(0);
    this.#totalNs.push(0);
    this.#totalOf.set(key, index);
    return index;
  }
}

function kindOf(stage: string): number {
  return Object.hasOwn(DEFAULT_KIND, stage) ? DEFAULT_KIND[stage as StageName] : Kind.compute;
}
