/** Layer by micro-batch: `GET /api/v1/deployments/{id}/breakdown`. */
import { breakdownOf } from '#lib/analysis/breakdown.ts';
import type { Breakdown } from '#lib/api/breakdown.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { newestEvents } from './newest-events.ts';
import { breakdownAnswer } from './pictures.ts';
import type { DeploymentQuestion } from './questions.ts';

export async function breakdown(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<Breakdown> {
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs);
  return breakdownAnswer(breakdownOf(assembled, window), question.deployment, window);
}
