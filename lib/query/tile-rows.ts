/** What a timeline's rows say of their workers. */
import type { TimelineRow } from '#lib/api/timeline-tile.ts';
import type { ClockCell } from './clock-near.ts';

export interface RowWorker {
  readonly workerId: string;
  readonly group: string;
  readonly role: string;
  readonly rank: number;
}

/** `aligned`: are the answer's times moved? Errors are told all the same. */
export function tileRow(
  { workerId, group, role, rank }: RowWorker,
  cell: ClockCell,
  aligned: boolean,
  busyRatio: number | null,
): TimelineRow {
  const info = cell.workers.get(workerId);
  const clockDomain = info?.clockDomain ?? '';
  const clock = cell.alignment?.domains.find(({ domain }) => domain === clockDomain);
  return {
    workerId,
    group,
    role,
    rank,
    host: info?.host ?? '',
    clockDomain,
    clockOffsetNs: aligned ? (clock?.offsetNs ?? 0) : 0,
    // One clock for all cannot be off against itself.
    clockErrorNs:
      cell.alignment === null ? (info === undefined ? null : 0) : (clock?.errorNs ?? null),
    busyRatio,
  };
}
