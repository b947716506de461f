/** The newest whole step of a window: `GET /api/v1/deployments/{id}/strip`. */
import { newestStep } from '#lib/analysis/newest-step.ts';
import type { StripAnswer } from '#lib/api/views.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { newestEvents } from './newest-events.ts';
import { stripOf } from './pictures.ts';
import type { DeploymentQuestion } from './questions.ts';

export async function strip(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<StripAnswer> {
  const { deployment } = question;
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs);
  return { deployment, strip: stripOf(newestStep(assembled, window), deployment) };
}
