/** The formats of exports, in the order in which they are offered. */
import type { ExportFormat } from './export-format.ts';

export const EXPORT_FORMATS: readonly ExportFormat[] = [];
