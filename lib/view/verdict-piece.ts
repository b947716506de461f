/** A piece of the verdict's sentence, and how its figures and groups are written. */
import type { PageState } from './url-state.ts';

/** Where a noun of the sentence leads: a part of the Overview, or a page with something chosen. */
export type Evidence =
  | { readonly anchor: 'groups' | 'strip' | 'heat' | 'trends' }
  | {
      readonly path: '/balance' | '/layers' | '/stragglers' | '/experts' | '/health';
      readonly change?: Partial<PageState>;
    };

export interface VerdictPiece {
  readonly text: string;
  readonly strong?: boolean;
  readonly evidence?: Evidence;
  /** The exact figure or the reason, for the hover. */
  readonly title?: string;
}

export function roleName(of: { readonly group: string; readonly role: string }): string {
  if (of.role === 'attention') return 'Attention';
  return of.role === 'ffn' ? 'FFN' : of.group;
}

/** Whole percents above ten, one decimal below: a sentence, not a table. */
export function percent(ratio: number): string {
  const value = ratio * 100;
  return `${Math.abs(value) >= 9.95 ? value.toFixed(0) : value.toFixed(1)} %`;
}
