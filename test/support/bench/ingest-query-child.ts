/**
 * Asks what a dashboard asks, again and again, through the pool that serves the pages:
 * `node ingest-query-child.ts FOLDER DEPLOYMENT EVERY_MS AFTER_MS`. Ends at `stop` with the times.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { QueryFailedError, QueryPool } from '#lib/query/query-pool.ts';
import type { QuestionKind } from '#lib/query/questions.ts';
import { cpuUs, helperCpuMs, type QueryReport } from './ingest-messages.ts';

const [dataDir = '', deployment = '', everyMs = '250', afterMs = '0'] = process.argv.slice(2);

/** Name, question, and how far back the window goes, in seconds. */
const QUESTIONS: readonly (readonly [string, QuestionKind, number])[] = [
  ['report', 'report', 60],
  ['series', 'series', 600],
  ['heatmap', 'heatmap', 60],
];

const pool = new QueryPool({
  store: 'sqlite',
  dataDir,
  workerFile: new URL('../../../lib/query/query-worker.ts', import.meta.url),
  threads: 2,
});
let stopping = false;
process.on('message', () => {
  stopping = true;
});
process.on('disconnect', () => process.exit(0));

const ms: Record<string, number[]> = {};
const failures = new Map<string, number>();
// As the supervisor does with the web: its threads have started before anybody asks.
await Promise.allSettled([1, 2].map(() => pool.ask('deployments', {}, Date.now())));
for (let waited = 0; waited < Number(afterMs) && !stopping; waited += 100) await sleep(100);
const startedCpuUs = cpuUs();
const startedHelperMs = helperCpuMs();
for (let turn = 0; !stopping; turn++) {
  const [name, kind, spanS] = QUESTIONS[turn % QUESTIONS.length]!;
  const startedMs = performance.now();
  const nowMs = Date.now();
  try {
    const to = new Date(nowMs).toISOString();
    const from = new Date(nowMs - spanS * 1000).toISOString();
    await pool.ask(kind, { deployment, from, to }, nowMs);
    const took = performance.now() - startedMs;
    ms[name] ??= [];
    ms[name].push(took);
  } catch (error) {
    // Before the first commit there is no deployment to ask about.
    const early =
      error instanceof QueryFailedError && /no-database|not-found/.test(error.failure.kind);
    const text = error instanceof Error ? error.message.split('\n')[0]! : String(error);
    if (!early) failures.set(`${name}: ${text}`, (failures.get(`${name}: ${text}`) ?? 0) + 1);
  }
  await sleep(Math.max(1, Number(everyMs) - (performance.now() - startedMs)));
}
await pool.close();
const report: QueryReport = {
  ms,
  failures: [...failures].map(([text, count]) => `${text} (${count} times)`),
  cpuUs: cpuUs() - startedCpuUs,
  helperCpuMs: helperCpuMs() - startedHelperMs,
};
process.send?.(report);
process.disconnect();
