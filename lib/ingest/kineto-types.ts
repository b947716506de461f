/**
 * What is asked of, and told about, GPU traces (Chrome JSON as torch.profiler and others write it).
 * All of it is plain data: it crosses threads and goes into JSON as it is.
 */
import type { EventTable } from '#lib/table/event-table.ts';
import type { KernelTable } from './kernel-table.ts';

export interface KinetoOptions {
  /** Of the workers that the files make; default "default". */
  readonly deployment?: string | undefined;
  /** What kernel and annotation names mean; default: the table that comes with the product. */
  readonly kernels?: KernelTable | undefined;
  /** Files read at the same time, each in a thread; default: what the machine has, at most 2. */
  readonly threads?: number | undefined;
}

/** Events of one or several traces as stage events, and what was made of what. */
export interface KinetoFiles {
  readonly events: readonly EventTable[];
  readonly recognition: TraceRecognition;
}

/** Kernels under one heading. */
export interface KernelCount {
  readonly kernels: number;
  /** Sum of their durations. */
  readonly totalNs: number;
}

/** Events that are not in the tables, or only in part, and why. */
export interface LeftOut {
  /** Such as "CPU operators" or "flow ends without a start". */
  readonly what: string;
  readonly count: number;
  readonly why: string;
}

export interface TraceFileRecognition {
  readonly path: string;
  /** Of JSON, decompressed. */
  readonly sizeBytes: number;
  /** The rank of the file's process, and what told it. */
  readonly rank: number;
  readonly rankFrom: 'distributedInfo' | 'file name' | 'order of the files';
  /** Ids of its workers inside the deployment, one for each GPU, such as "colocated/0". */
  readonly workers: readonly string[];
  /** Entries of traceEvents. */
  readonly traceEvents: number;
  /** The same by phase, such as {"X": 120, "M": 4}. */
  readonly phases: Readonly<Record<string, number>>;
  /** Kernels, copies and memsets that became events. */
  readonly gpuEvents: number;
  /** What is wrong with the file and what was read all the same, one sentence each. */
  readonly problems: readonly string[];
}

/** How kernels found their step, layer or micro-batch. */
export interface Membership {
  /** Different numbers seen. */
  readonly count: number;
  /** Annotations that told them. */
  readonly annotations: number;
  /** By the CPU range that launched the kernel (correlation ids). */
  readonly byLaunch: number;
  /** By a range on the GPU that the kernel starts in. */
  readonly byGpuRange: number;
  /** By a CPU range that the kernel starts in: its launch is not in the file. */
  readonly byTime: number;
  readonly none: number;
}

export interface TraceRecognition {
  readonly files: readonly TraceFileRecognition[];
  readonly traceEvents: number;
  /** Rows of the tables: kernels, copies and memsets. */
  readonly gpuEvents: number;
  readonly kernels: number;
  readonly copies: number;
  /** By rule of the kernel table that knew the name, most time first. */
  readonly rules: readonly (KernelCount & {
    readonly rule: string;
    readonly library: string;
    readonly stage: string;
  })[];
  /** By library, "" where a rule names none, most time first. */
  readonly libraries: readonly (KernelCount & { readonly library: string })[];
  /** Kernels that no rule knows, under their shortened names, most time first; at most 20. */
  readonly unknown: readonly (KernelCount & { readonly name: string })[];
  readonly unknownNames: number;
  readonly unknownTotal: KernelCount;
  /** Shortened names that have no stage of their own and went to the stage `kernel`. */
  readonly foldedNames: number;
  readonly steps: Membership;
  readonly layers: Membership;
  readonly microbatches: Membership;
  readonly leftOut: readonly LeftOut[];
}
