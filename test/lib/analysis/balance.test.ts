/** The balance where clocks tell nothing: everything at once, as a clock of milliseconds sees short steps. */
import { expect, test } from 'vitest';
import { buildReport } from '#lib/analysis/build-report.ts';
import { reportSchema } from '#lib/api/report-schema.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import { reportJson } from '#lib/query/report-json.ts';

test('steps that take no time have no steady bubble, and a report all the same', () => {
  const table = simulateSteps(scenarioSpec('healthy', { layers: 4, denseLayers: 1 }), { steps: 3 });
  const zeros = new Float64Array(table.startNs.length);
  const events = [{ ...table, startNs: zeros, durationNs: zeros }];
  const report = buildReport({ events, deployment: 'demo' });
  expect(report.balance).toMatchObject({
    idealPeriodNs: 0,
    attentionSteadyBubble: { imbalance: 0, network: 0, latency: 0 },
    ffnSteadyBubble: { imbalance: 0, network: 0, latency: 0 },
  });
  reportSchema.parse(JSON.parse(JSON.stringify(reportJson(report))));
});
