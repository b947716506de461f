/** Formats that hold events as rows: OTLP JSON, CSV, Arrow. */
import { arrow } from '#lib/export/arrow.ts';
import { csv } from '#lib/export/csv.ts';
import type { RowChoice } from '#lib/export/export-part.ts';
import { otlpJson } from '#lib/export/otlp-json.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { selectRows } from '#lib/table/event-tables.ts';
import { workerId } from '#lib/table/worker-info.ts';
import type { ExportFormat, ExportSelection, ExportSource } from './export-format.ts';
import { ExportEvents } from './export-parts.ts';

/** The option that every format but the archive takes: names with commas between them. */
export const STAGES_OPTION = 'stages';

export function choiceOf({ workers, options }: ExportSelection): RowChoice {
  const stages = (options[STAGES_OPTION] ?? '').split(',').filter((name) => name !== '');
  return {
    ...(workers === undefined ? {} : { workers: new Set(workers) }),
    ...(stages.length === 0 ? {} : { stages: new Set(stages) }),
  };
}

/** Facts that a file carries along, for whoever finds it later. */
export function aboutExport({ selection, version }: ExportSource): Map<string, string> {
  const { deployment, window } = selection;
  return new Map([
    ['afdscope.version', version],
    ['afdscope.deployment', deployment],
    ['afdscope.window.startUnixNs', String(window.fromUnixNs)],
    ['afdscope.window.endUnixNs', String(window.toUnixNs)],
  ]);
}

export const OTLP_JSON_FORMAT: ExportFormat = {
  name: 'otlp-json',
  title: 'OTLP JSON, one request a line (OpenTelemetry tools, afdscope analyze)',
  extension: '.otlp.jsonl',
  contentType: 'application/x-ndjson',
  options: [STAGES_OPTION],
  async *write(source) {
    const { telemetry, selection, version } = source;
    const events = await ExportEvents.of(telemetry, selection);
    const rows = chosen(events.reportRows(), selection);
    yield* otlpJson(rows, selection.deployment, version);
  },
};

export const CSV_FORMAT: ExportFormat = {
  name: 'csv',
  title: 'CSV, one row an event (spreadsheets, scripts)',
  extension: '.csv',
  contentType: 'text/csv; charset=utf-8; header=present',
  options: [STAGES_OPTION],
  async *write({ telemetry, selection }) {
    const events = await ExportEvents.of(telemetry, selection);
    yield* csv(events.parts(), selection.window.fromUnixNs, choiceOf(selection));
  },
};

export const ARROW_FORMAT: ExportFormat = {
  name: 'arrow',
  title: 'Arrow IPC stream, typed columns (pandas, polars, DuckDB)',
  extension: '.arrows',
  contentType: 'application/vnd.apache.arrow.stream',
  options: [STAGES_OPTION],
  async *write(source) {
    const { telemetry, selection } = source;
    const events = await ExportEvents.of(telemetry, selection);
    const { fromUnixNs } = selection.window;
    yield* arrow(events.parts(), fromUnixNs, choiceOf(selection), aboutExport(source));
  },
};

async function* chosen(
  tables: AsyncIterable<EventTable>,
  selection: ExportSelection,
): AsyncGenerator<EventTable> {
  const { workers, stages } = choiceOf(selection);
  for await (const table of tables) {
    if (workers === undefined && stages === undefined) {
      yield table;
      continue;
    }
    const rows: number[] = [];
    for (let row = 0; row < table.length; row++) {
      const worker = workerId(table.workers[table.worker[row]!]!);
      const stage = table.stageNames[table.stage[row]!]!;
      if ((workers?.has(worker) ?? true) && (stages?.has(stage) ?? true)) rows.push(row);
    }
    if (rows.length > 0) yield selectRows(table, Uint32Array.from(rows));
  }
}
