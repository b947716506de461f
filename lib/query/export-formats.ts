/** The formats of exports, in the order in which they are offered. */
import type { ExportFormat } from './export-format.ts';
import { ARROW_FORMAT, CSV_FORMAT, OTLP_JSON_FORMAT } from './export-tables.ts';

export const EXPORT_FORMATS: readonly ExportFormat[] = [OTLP_JSON_FORMAT, ARROW_FORMAT, CSV_FORMAT];
