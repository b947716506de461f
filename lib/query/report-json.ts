/** The report as the API's schema types it. The two are the same but for `readonly`. */
import type { Report } from '#lib/analysis/report-types.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';

/** A test holds `Report` and `ReportJson` together, so that only writability is asserted here. */
export function reportJson(report: Report): ReportJson {
  return report as ReportJson;
}
