/**
 * A document without a form: sections of blocks, which `render-html.ts` and `render-markdown.ts` write.
 * Both say the same; pictures are left out of Markdown, where their captions stand for them.
 */
import type { Markup } from './markup.ts';

export interface Run {
  readonly text: string;
  readonly strong?: boolean;
  readonly muted?: boolean;
  /** What stands on hover; nothing that is said nowhere else. */
  readonly title?: string;
  /** Path and query on the dashboard, such as "/stragglers?d=prod". */
  readonly link?: string;
}

/** Text, or pieces of it. */
export type Runs = string | Run | readonly (string | Run)[];

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

export type Block =
  | { readonly kind: 'text'; readonly runs: Runs; readonly look?: 'lead' | 'note' }
  | { readonly kind: 'heading'; readonly text: string }
  | { readonly kind: 'list'; readonly items: readonly Runs[] }
  | {
      readonly kind: 'figures';
      readonly items: readonly {
        readonly name: string;
        readonly value: string;
        readonly unit: string;
        readonly note: string;
        readonly title: string;
      }[];
    }
  | {
      readonly kind: 'table';
      /** What it shows, as a statement. */
      readonly caption: string;
      readonly columns: readonly Column[];
      readonly rows: readonly (readonly Runs[])[];
      /** What is left out, such as "and 308 more"; '': nothing. */
      readonly more: string;
    }
  | {
      readonly kind: 'picture';
      readonly picture: Markup;
      readonly caption: string;
      readonly legend: readonly LegendEntry[];
    };

export interface LegendEntry {
  readonly label: string;
  /** An SVG of 14 by 10. */
  readonly mark: Markup;
}

export interface Section {
  /** Of its anchor. */
  readonly id: string;
  readonly title: string;
  readonly blocks: readonly Block[];
}

export interface Document {
  readonly title: string;
  /** Lines under the title. */
  readonly subtitle: readonly Runs[];
  /** Those without blocks are left out. */
  readonly sections: readonly Section[];
  readonly footer: string;
}

export function text(runs: Runs): Block {
  return { kind: 'text', runs };
}

export function note(runs: Runs): Block {
  return { kind: 'text', runs, look: 'note' };
}

/** The first `most` rows, and a line on the rest; no block without rows. */
export function table(
  caption: string,
  columns: readonly Column[],
  rows: readonly (readonly Runs[])[],
  most: number = Number.POSITIVE_INFINITY,
): Block[] {
  if (rows.length === 0) return [];
  // One row costs no more room than the line that tells of it.
  const shown = rows.length <= most + 1 ? rows : rows.slice(0, most);
  const hidden = rows.length - shown.length;
  const more = hidden === 0 ? '' : `and ${hidden.toLocaleString('en-US')} more`;
  return [{ kind: 'table', caption, columns, rows: shown, more }];
}

export function runsOf(runs: Runs): readonly Run[] {
  if (typeof runs === 'string') return [{ text: runs }];
  if ('text' in runs) return [runs];
  return runs.map((run) => (typeof run === 'string' ? { text: run } : run));
}
