/**
 * Makes reports of simulated windows, as the live thread does, in rounds between which nothing of them
 * is alive: `node --expose-gc --trace-opt --trace-deopt deopts-child.ts ROUNDS`.
 */
import { setTimeout as sleep } from 'node:timers/promises';
import { breakdownOf } from '#lib/analysis/breakdown.ts';
import { reportOf } from '#lib/analysis/build-report.ts';
import { layerMatrix } from '#lib/analysis/layer-matrix.ts';
import { newestStep } from '#lib/analysis/newest-step.ts';
import { rollupBuckets } from '#lib/analysis/rollup-buckets.ts';
import { GarbageWatch } from '#lib/base/garbage-watch.ts';
import { addNanos, NS_PER_S } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { simulateSteps } from '#lib/pipeline/simulate.ts';
import type { EventTable } from '#lib/table/event-table.ts';

const spec = scenarioSpec('healthy', { attentionWorkers: 8, ffnWorkers: 4 });
// Windows differ, as they do live.
const tables = [10, 11, 12, 13].map((steps) => simulateSteps(spec, { steps }));
const garbage = new GarbageWatch(32 * 2 ** 20);

for (let round = 0; round < Number(process.argv[2]); round++) {
  look(tables[round % tables.length]!);
  garbage.look();
  await sleep(10);
}

function look(table: EventTable): void {
  const assembled = assemble([table], table.workers[0]!.deployment);
  reportOf(assembled, undefined);
  layerMatrix(assembled);
  breakdownOf(assembled);
  newestStep(assembled);
  const base = assembled.events.baseUnixNs;
  const from = addNanos(base, assembled.firstStartNs);
  rollupBuckets(assembled, from, addNanos(base, assembled.lastEndNs), NS_PER_S);
}
