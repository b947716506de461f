/** Which optional columns a reader needs: leaving the others out saves most of what reading costs. */
import {
  type EventTable,
  LISTS,
  type ListColumn,
  type ListName,
  MEASURES,
  type Measure,
} from './event-table.ts';

export interface WantedColumns {
  readonly measures: readonly Measure[];
  readonly lists: readonly ListName[];
}

/** The same table with null for every column that is not wanted. */
export function withColumns(table: EventTable, wanted: WantedColumns): EventTable {
  const measures = Object.fromEntries(
    MEASURES.map((name) => [name, wanted.measures.includes(name) ? table.measures[name] : null]),
  ) as Record<Measure, Float64Array | null>;
  const lists = Object.fromEntries(
    LISTS.map((name) => [name, wanted.lists.includes(name) ? table.lists[name] : null]),
  ) as Record<ListName, ListColumn | null>;
  return { ...table, measures, lists };
}
