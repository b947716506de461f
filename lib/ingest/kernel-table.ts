/**
 * What the names in a GPU trace mean, as plain data: a list of rules, the first that matches counts
 * (docs/kineto.md). Users put their own rules before those that come with the product.
 */
import type { Kind, Role } from '#lib/table/codes.ts';

/** Kernel names. */
export interface KernelRule {
  /** How the rule is called in the recognition report; default: its library and stage. */
  readonly name: string;
  /** Source of a regular expression, searched for in the kernel's whole name. */
  readonly match: string;
  readonly flags: string;
  /** A stage, an engine's name for one (docs/schema.md), or any other name. */
  readonly stage: string;
  /** null: the stage's own. */
  readonly kind: Kind | null;
  readonly library: string;
  /** On workers of these roles only; null: of any. */
  readonly roles: readonly Role[] | null;
}

/** Names of ranges: a number comes from the group `step`, `layer` or `microbatch` of `match`. */
export interface AnnotationRule {
  readonly match: string;
  readonly flags: string;
  /** Each match is a step of its own, numbered in order of time. */
  readonly steps: boolean;
  /** Of the kernels in the range. */
  readonly phase: 'decode' | 'prefill' | 'mixed' | 'warmup' | 'capture' | null;
  /** Of compute kernels in the range that no kernel rule knows; '' for none. */
  readonly stage: string;
}

/** Who a rank is, where the trace is not of a colocated deployment. */
export interface WorkerRule {
  /** Ranks, in order: the first is rank 0 of the group. null: any rank, under its own number. */
  readonly ranks: readonly number[] | null;
  /** Source of a regular expression over the file's name, '' for any. */
  readonly file: string;
  readonly role: Role;
  readonly group: string;
}

export interface KernelTable {
  readonly kernels: readonly KernelRule[];
  readonly annotations: readonly AnnotationRule[];
  readonly workers: readonly WorkerRule[];
}
