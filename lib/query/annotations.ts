/** People's notes on a window: `GET /api/v1/annotations`. */
import type { AnnotationJson } from '#lib/api/annotations.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { DeploymentQuestion } from './questions.ts';
import { windowOrNewest } from './window.ts';

const DAY_NS = 86_400e9;

/** Notes that overlap the window (default: the last 24 hours), oldest first. */
export async function listAnnotations(
  state: StateStore,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<{ annotations: AnnotationJson[] }> {
  const window = windowOrNewest(question, nowUnixNs, DAY_NS);
  const rows = await state.annotations(question.deployment, window.fromUnixNs, window.toUnixNs);
  return {
    annotations: rows.map((row) => ({
      id: row.id,
      deployment: row.deployment,
      fromUnixNs: String(row.fromUnixNs),
      toUnixNs: String(row.toUnixNs),
      author: row.author,
      text: row.text,
      createdUnixNs: String(row.createdUnixNs),
    })),
  };
}
