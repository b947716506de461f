/** Tables as comparable rows: whatever order, base and indexes a table uses, equal events are equal. */
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';

/** One line of JSON an event, sorted; instants are absolute. */
export function eventRows(tables: readonly EventTable[]): string[] {
  const rows: string[] = [];
  for (const table of tables) {
    for (let i = 0; i < table.length; i++) {
      const measures = MEASURES.map((name) => exact(table.measures[name]?.[i] ?? -1));
      const lists = LISTS.map((name) => {
        const list = table.lists[name];
        if (list === null) return [];
        return [...list.values.subarray(list.offsets[i], list.offsets[i + 1])].map(exact);
      });
      rows.push(
        JSON.stringify([
          instant(table.baseUnixNs, table.startNs[i]!),
          exact(table.durationNs[i]!),
          table.workers[table.worker[i]!],
          table.stageNames[table.stage[i]!],
          table.domain[i],
          exact(table.step[i]!),
          table.layer[i],
          table.microbatch[i],
          table.kind[i],
          table.phase[i],
          table.peer[i],
          measures,
          lists,
        ]),
      );
    }
  }
  return rows.sort();
}

export function metricRows(tables: readonly MetricTable[]): string[] {
  const rows: string[] = [];
  for (const table of tables) {
    for (let i = 0; i < table.length; i++) {
      const { buckets } = table;
      rows.push(
        JSON.stringify([
          instant(table.baseUnixNs, table.timeNs[i]!),
          table.series[table.seriesIndex[i]!],
          exact(table.value[i]!),
          exact(table.count[i]!),
          buckets === null
            ? []
            : [...buckets.values.subarray(buckets.offsets[i], buckets.offsets[i + 1])].map(exact),
        ]),
      );
    }
  }
  return rows.sort();
}

/** JSON drops -0, NaN and infinities. */
function exact(value: number): string {
  return Object.is(value, -0) ? '-0' : String(value);
}

function instant(base: bigint, offsetNs: number): string {
  return Number.isInteger(offsetNs) ? String(base + BigInt(offsetNs)) : `${base}+${offsetNs}`;
}
