/** The formats in which a window can be taken along, as the page offers them. */
export interface ExportChoice {
  /** As the API's `format`. */
  readonly format: string;
  readonly name: string;
  /** What it is good for. */
  readonly use: string;
}

export const EXPORT_CHOICES: readonly ExportChoice[] = [
  {
    format: 'archive',
    name: 'afdscope archive',
    use: 'Another afdscope: import it there for the same report, notes included',
  },
  {
    format: 'perfetto',
    name: 'Perfetto',
    use: 'Open it at ui.perfetto.dev, or ask trace_processor in SQL',
  },
  {
    format: 'chrome',
    name: 'Chrome trace',
    use: 'JSON for Perfetto, chrome://tracing and scripts',
  },
  {
    format: 'otlp-json',
    name: 'OTLP JSON',
    use: 'OpenTelemetry tools, and afdscope analyze',
  },
  { format: 'arrow', name: 'Arrow', use: 'Columns for pandas, polars and DuckDB' },
  { format: 'csv', name: 'CSV', use: 'Rows for spreadsheets, every digit' },
];
