/** A report of simulated steps whose workers name a model and a GPU, for the utilization panel. */
import { buildReport } from '#lib/analysis/build-report.ts';
import { type ReportJson, reportSchema } from '#lib/api/report-schema.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';

export function gpuReport(model: string, gpu: string): ReportJson {
  const spec = scenarioSpec('healthy', { model });
  const table = simulateSteps(spec, { steps: 4, seed: 5 });
  const events: EventTable = { ...table, workers: table.workers.map((info) => ({ ...info, gpu })) };
  return reportSchema.parse(buildReport({ events: [events], deployment: spec.deployment }));
}
