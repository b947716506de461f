/** The formats of exports, in the order in which they are offered. */
import { ARCHIVE_FORMAT } from './export-archive.ts';
import type { ExportFormat } from './export-format.ts';
import { ARROW_FORMAT, CSV_FORMAT, OTLP_JSON_FORMAT } from './export-tables.ts';
import { CHROME_FORMAT, PERFETTO_FORMAT } from './export-traces.ts';

export const EXPORT_FORMATS: readonly ExportFormat[] = [
  ARCHIVE_FORMAT,
  PERFETTO_FORMAT,
  CHROME_FORMAT,
  OTLP_JSON_FORMAT,
  ARROW_FORMAT,
  CSV_FORMAT,
];
