/** What workers are asked for, for incidents (docs/pull.md). */
import type { Registry } from 'prom-client';
import { PULL_ORIGINS, type PullBoard } from '#collector/incident/pull-board.ts';
import { counter, gauge } from './scraped-metrics.ts';

export function addPullMetrics(
  registry: Registry,
  pulls: Pick<PullBoard, 'counts' | 'open'>,
): void {
  counter(
    registry,
    'afdscope_pull_requests_total',
    'Windows that workers were asked for, by what opened the incident.',
    ['origin'],
    (c) => {
      const { asked } = pulls.counts;
      for (const origin of PULL_ORIGINS) c.inc({ origin }, asked[origin]);
    },
  );
  counter(
    registry,
    'afdscope_pull_requests_left_out_total',
    'Windows that workers were not asked for, because too many were open.',
    [],
    (c) => c.inc(pulls.counts.leftOut),
  );
  counter(
    registry,
    'afdscope_pull_answers_total',
    'Answers to senders that asked them for a window.',
    [],
    (c) => c.inc(pulls.counts.answers),
  );
  gauge(registry, 'afdscope_pull_open', 'Windows that workers are asked for now.', [], (g) =>
    g.set(pulls.open().length),
  );
}
