/** What a thread that reads traces is asked, and what it answers. */
import type { KernelTable } from './kernel-table.ts';
import type { TraceOutcome } from './kineto-read.ts';

export interface ThreadData {
  readonly table: KernelTable;
}

export interface ThreadTask {
  readonly task: number;
  readonly path: string;
  /** The trace's rank where nothing else tells one. */
  readonly fileIndex: number;
}

export type ThreadReply =
  | { readonly task: number; readonly outcome: TraceOutcome }
  | { readonly task: number; readonly error: string; readonly code: string };
