/** A tile of bins. */
import type { ClockCell } from './clock-near.ts';
import type { EventFilter } from './event-filter.ts';
import { type Tile, tileHeader } from './tile-answer.ts';
import { tileRow } from './tile-rows.ts';
import { tileWaits } from './tile-waits.ts';
import type { BinSource } from './timeline-sources.ts';
import { MAX_ROWS, type TimelineTask } from './timeline-task.ts';

interface BinFacts {
  readonly aligned: boolean;
  /** What of the task's filter the sums were chosen by. */
  readonly filter: EventFilter;
  readonly notes?: readonly string[];
}

export async function binsTile(
  task: TimelineTask,
  found: BinSource,
  cell: ClockCell,
  { aligned, filter, notes = [] }: BinFacts,
): Promise<Tile> {
  const { source, sums, grid, resolutionNs } = found;
  const { rows, hidden, stages, columns } = sums.finishColumns(MAX_ROWS);
  const waits = await tileWaits(task, grid, rows);
  return {
    header: tileHeader(task, grid.window, {
      detail: 'bins',
      source,
      resolutionNs,
      binNs: grid.binNs,
      aligned,
      receivesCut: false,
      rows: rows.map((row, r) => tileRow(row, cell, aligned, waits.busyRatio[r] ?? null)),
      hiddenWorkers: hidden,
      stages: [...stages],
      marks: [...waits.marks],
      notes: [...notes, ...unanswered(task, filter), ...waits.notes],
    }),
    columns: { ...columns, ...waits.columns },
  };
}

function unanswered({ filter }: TimelineTask, used: EventFilter): string[] {
  const left: string[] = [];
  if (filter.microbatch !== used.microbatch) left.push('micro-batch');
  if (filter.peer !== used.peer) left.push('peer');
  if (left.length === 0) return [];
  return [
    `Stored sums do not tell the ${left.join(' and ')}: shown are all of them. Zoom in to see only those that you asked for.`,
  ];
}
