/** Tables under another deployment's name. Columns are shared, not copied. */
import type { EventTable } from '#lib/table/event-table.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';

/** The new name of each deployment that has one. */
export type NewNames = ReadonlyMap<string, string>;

export function renamed<T extends EventTable | PackedTable>(table: T, names: NewNames): T {
  if (names.size === 0) return table;
  return { ...table, workers: table.workers.map((worker) => withName(worker, names)) };
}

export function renamedMetrics(table: MetricTable, names: NewNames): MetricTable {
  if (names.size === 0) return table;
  return { ...table, series: table.series.map((series) => withName(series, names)) };
}

function withName<T extends { readonly deployment: string }>(one: T, names: NewNames): T {
  const deployment = names.get(one.deployment);
  return deployment === undefined ? one : { ...one, deployment };
}

/** "trace_rank3.json.gz" -> "trace_rank3": what a recording without a name is called. */
export function nameOfFile(fileName: string): string {
  const base = fileName.slice(Math.max(fileName.lastIndexOf('/'), fileName.lastIndexOf('\\')) + 1);
  const stem = base.replace(
    /(\.(gz|zst|json|jsonl|ndjson|pb|pbtxt|bin|otlp|pt|trace|afdscope))+$/i,
    '',
  );
  return stem.slice(0, 200) || 'import';
}

/** Of files of one run, one a rank: what their names share, without the rank. */
export function nameOfFiles(fileNames: readonly string[]): string {
  const stems = fileNames.map(nameOfFile);
  const first = stems[0] ?? 'import';
  if (stems.length === 1) return first;
  let shared = first.length;
  for (const stem of stems) {
    let same = 0;
    while (same < shared && stem[same] === first[same]) same++;
    shared = same;
  }
  const common = first.slice(0, shared).replace(/[-_. ]*(rank|worker|gpu|r)?[-_. ]*\d*$/i, '');
  return common === '' ? first : common;
}
