/** What a report says of its workers by name. */
import type { ReportJson } from '#lib/api/report-schema.ts';

/** '' where the report does not know the worker. */
export function roleOf({ workers }: Pick<ReportJson, 'workers'>, id: string): string {
  return workers.find((worker) => worker.id === id)?.role ?? '';
}

/** The first so many names, and how many more. */
export function someNames(names: readonly string[], most: number): string {
  if (names.length <= most + 1) return names.join(', ');
  return `${names.slice(0, most).join(', ')} and ${(names.length - most).toLocaleString('en-US')} more`;
}
