/** The balance of a report with its advice: what the report's other parts tell, brought together. */
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import { adviceOf } from './advice.ts';
import type { SidedStraggler } from './advice-changes.ts';
import type { LoadModel } from './load-model.ts';
import { loadShares } from './load-share.ts';
import type { PipelineReport } from './pipeline-report.ts';
import type { Balance, Report, StageReport } from './report-types.ts';
import type { Straggler } from './straggler-types.ts';

export interface AdviceSources {
  readonly pipeline: PipelineReport;
  readonly topology: Report['topology'];
  readonly steps: Report['steps'];
  readonly stages: readonly StageReport[];
  readonly workers: readonly WorkerInfo[];
  readonly loadModel: LoadModel;
  readonly stragglers: readonly Straggler[];
}

/** null where there is no balance. */
export function balanceWithAdvice(sources: AdviceSources): Balance | null {
  const { pipeline, topology, steps, loadModel, workers, stragglers } = sources;
  const { balance, terms, upperSpread, transferSpread, denseNs } = pipeline;
  if (balance === null) return null;
  const sides = new Map<string, 'attention' | 'ffn'>();
  for (const info of workers) {
    if (info.role === 'attention' || info.role === 'ffn') sides.set(workerId(info), info.role);
  }
  const sided = stragglers.flatMap((straggler): SidedStraggler[] => {
    const side = sides.get(straggler.worker);
    return side === undefined ? [] : [{ ...straggler, side }];
  });
  const { advice, ratioMargin } = adviceOf({
    balance,
    attention: topology.attention,
    ffn: topology.ffn,
    microbatches: topology.microbatches,
    terms,
    upperSpread,
    transferSpread,
    denseNs,
    stepNs: steps.cadenceNs?.mean ?? steps.latencyNs?.mean ?? null,
    shares: loadShares(loadModel),
    stragglers: sided,
    sharedExpert: sharedExpert(sources),
  });
  return { ...balance, advice, ratioMargin };
}

/** On the side that spends more on it: some engines report an empty one on the other. */
function sharedExpert({
  stages,
  workers,
}: AdviceSources): { readonly side: 'attention' | 'ffn'; readonly ns: number } | null {
  const roles = new Map(workers.map(({ group, role }) => [group, role]));
  let found: { side: 'attention' | 'ffn'; ns: number; totalNs: number } | null = null;
  for (const { group, stage, durationNs, totalNs } of stages) {
    const side = roles.get(group);
    if (stage !== 'shared_expert' || (side !== 'attention' && side !== 'ffn')) continue;
    if (found === null || totalNs > found.totalNs) found = { side, ns: durationNs.p50, totalNs };
  }
  return found;
}
