/** Who waited because of whom: `GET /api/v1/deployments/{id}/waits`. */
import { windowOf } from '#lib/analysis/build-report.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import { type CauseSums, type WaitSums, waitSums } from '#lib/analysis/wait-sums.ts';
import type { CauseName, WaitingWorker, WaitMatrix, Waits } from '#lib/api/waits.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { newestEvents } from './newest-events.ts';
import type { DeploymentQuestion } from './questions.ts';

/** Rows, and columns, of a matrix. */
const MAX_SIDE = 256;

const MATRICES = [
  ['attention-ffn', 'attention', 'ffn'],
  ['ffn-attention', 'ffn', 'attention'],
  ['attention-attention', 'attention', 'attention'],
  ['ffn-ffn', 'ffn', 'ffn'],
] as const satisfies readonly (readonly [WaitMatrix['kind'], string, string])[];

export async function waits(
  reader: TelemetryReader,
  question: DeploymentQuestion,
  nowUnixNs: UnixNanos,
): Promise<Waits> {
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs);
  const sums = waitSums(assembled, windowOf(assembled, window));
  return waitsAnswer(sums, question.deployment, window);
}

export function waitsAnswer(
  sums: WaitSums,
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
  maxSide: number = MAX_SIDE,
): Waits {
  return {
    deployment,
    window: {
      startUnixNs: String(fromUnixNs),
      endUnixNs: String(toUnixNs),
      durationNs: Number(toUnixNs - fromUnixNs),
    },
    steps: sums.steps,
    stepNs: sums.stepNs,
    workers: workersOf(sums),
    matrices: MATRICES.flatMap(([kind, waiter, culprit]) =>
      matrixOf(sums, kind, waiter, culprit, maxSide),
    ),
    layers: sums.layers.map(({ layer, role, causes, stages }) => ({
      layer,
      role,
      causes: namedCauses(causes),
      stages: stages.map((stage) => ({ ...stage })),
    })),
  };
}

function workersOf({ workers, waited, because }: WaitSums): WaitingWorker[] {
  const blamed = workers.map(() => new Float64Array(CAUSES.length));
  because.forEach((culprits, waiter) => {
    for (const [culprit, ns] of culprits) {
      if (culprit === waiter) continue;
      for (let cause = 0; cause < ns.length; cause++) {
        blamed[culprit]![cause] = blamed[culprit]![cause]! + ns[cause]!;
      }
    }
  });
  return workers.map((info, w) => ({
    id: workerId(info),
    group: info.group,
    role: info.role,
    rank: info.rank,
    waitedNs: totalOf(waited[w]!),
    causes: namedCauses(waited[w]!),
    blamedNs: totalOf(blamed[w]!),
    blamed: namedCauses(blamed[w]!),
  }));
}

function matrixOf(
  { workers, because }: WaitSums,
  kind: WaitMatrix['kind'],
  waiterRole: string,
  culpritRole: string,
  maxSide: number,
): WaitMatrix[] {
  const ofWaiter = new Map<number, number>();
  const ofCulprit = new Map<number, number>();
  let allNs = 0;
  workers.forEach(({ role }, w) => {
    if (role === waiterRole) ofWaiter.set(w, 0);
    if (role === culpritRole) ofCulprit.set(w, 0);
  });
  for (const waiter of ofWaiter.keys()) {
    for (const [culprit, sums] of because[waiter]!) {
      const known = ofCulprit.get(culprit);
      if (known === undefined) continue;
      const ns = totalOf(sums);
      allNs += ns;
      ofCulprit.set(culprit, known + ns);
      ofWaiter.set(waiter, ofWaiter.get(waiter)! + ns);
    }
  }
  if (allNs === 0) return [];
  const waiters = largest(ofWaiter, maxSide);
  const culprits = largest(ofCulprit, maxSide);
  const cells = CAUSES.map(() => new Float64Array(waiters.length * culprits.length));
  const total = new Float64Array(waiters.length * culprits.length);
  waiters.forEach((waiter, row) => {
    culprits.forEach((culprit, column) => {
      const sums = because[waiter]!.get(culprit);
      if (sums === undefined) return;
      const at = row * culprits.length + column;
      total[at] = totalOf(sums);
      sums.forEach((ns, cause) => {
        cells[cause]![at] = ns;
      });
    });
  });
  return [
    {
      kind,
      waiters,
      culprits,
      totalNs: [...total],
      causes: CAUSES.flatMap((cause: CauseName, c) =>
        cells[c]!.some((ns) => ns > 0) ? [{ cause, ns: [...cells[c]!] }] : [],
      ),
      hiddenWaiters: ofWaiter.size - waiters.length,
      hiddenCulprits: ofCulprit.size - culprits.length,
      hiddenNs: allNs - totalOf(total),
    },
  ];
}

/** Those with the most time, in the order of the workers. */
function largest(ns: ReadonlyMap<number, number>, most: number): number[] {
  const all = [...ns];
  if (all.length > most) all.sort(([, a], [, b]) => b - a).splice(most);
  return all.map(([worker]) => worker).sort((a, b) => a - b);
}

function totalOf(sums: CauseSums): number {
  return sums.reduce((sum, ns) => sum + ns, 0);
}

function namedCauses(sums: CauseSums): Waits['workers'][number]['causes'] {
  const [a2f, fanIn, queue, compute, load, device, f2a, host, fillDrain, unknown] = sums;
  return {
    a2fNetworkNs: a2f!,
    fanInNs: fanIn!,
    peerQueueNs: queue!,
    peerComputeNs: compute!,
    loadExcessNs: load!,
    deviceExcessNs: device!,
    f2aNetworkNs: f2a!,
    peerHostNs: host!,
    fillDrainNs: fillDrain!,
    unknownNs: unknown!,
  };
}
