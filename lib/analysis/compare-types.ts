/** What a comparison answers; `lib/api/compare.ts` is the same as zod, and holds the words. */
import type { AlignedGroup } from './compare-align.ts';
import type { Part } from './compare-durations.ts';
import type { Shift } from './compare-shift.ts';

export type Finding = 'higher' | 'lower' | 'same' | 'too-few' | 'only-a' | 'only-b';

/** A figure of both sides, before it is known how many were tested. */
export interface Contrast {
  readonly a: number | null;
  readonly b: number | null;
  readonly stepsA: number;
  readonly stepsB: number;
  readonly difference: number | null;
  readonly ratio: number | null;
  readonly shift: Shift | null;
  readonly relative: Shift | null;
  readonly effect: number | null;
  readonly p: number | null;
}

export interface Compared extends Contrast {
  readonly q: number | null;
  readonly finding: Finding;
}

export interface ComparedFigure extends Compared {
  readonly id: string;
  readonly name: string;
  readonly unit: 'ns' | 'ratio' | 'perSecond' | 'count';
  readonly better: 'lower' | 'higher' | 'neither';
  readonly scope: 'cluster' | 'pipeline' | 'group' | 'stage' | 'worker';
  readonly group: string | null;
  readonly worker: string | null;
}

export interface ComparedSide {
  readonly topology: string;
  readonly gpus: number;
  readonly microbatches: number;
  readonly layers: number;
  readonly steps: number;
  readonly sampledSteps: number;
  readonly events: number;
  readonly correlatedSteps: number | null;
}

export interface Change {
  readonly group: string | null;
  readonly stage: string;
  readonly kind: string;
  readonly layers: string;
  readonly worker: string | null;
  readonly aNs: number;
  readonly bNs: number;
  readonly contributionNs: number;
  readonly share: number | null;
  readonly onPath: Compared;
  readonly duration: Compared | null;
  readonly words: string;
}

export interface Cells {
  readonly group: string[];
  readonly stage: string[];
  readonly part: Part[];
  readonly layer: number[];
  readonly a: (number | null)[];
  readonly b: (number | null)[];
  readonly stepsA: number[];
  readonly stepsB: number[];
  readonly shift: (number | null)[];
  readonly low: (number | null)[];
  readonly high: (number | null)[];
  readonly effect: (number | null)[];
  readonly q: (number | null)[];
  readonly finding: Finding[];
}

export interface Explained {
  readonly aNs: number;
  readonly bNs: number;
  readonly differenceNs: number;
  readonly restNs: number;
}

export interface Verdict {
  readonly sentence: string;
  readonly direction: 'slower' | 'faster' | 'same' | 'unknown';
  readonly stepChange: Shift | null;
}

export interface Comparison {
  readonly a: ComparedSide;
  readonly b: ComparedSide;
  readonly verdict: Verdict;
  readonly headline: ComparedFigure[];
  readonly changes: Change[];
  readonly explained: Explained | null;
  readonly cells: Cells;
  readonly latency: { readonly a: number[]; readonly b: number[] };
  readonly alignment: {
    readonly groups: AlignedGroup[];
    readonly byRole: boolean;
    readonly onlyA: string[];
    readonly onlyB: string[];
  };
  readonly notes: string[];
}
