/** Schema-valid answers of the questions behind Stragglers, Experts and Layers, of any size. */
import { type ExpertsAnswer, expertsAnswerSchema } from '#lib/api/experts.ts';
import { type HangJson, hangSchema } from '#lib/api/hangs.ts';
import { type StragglersAnswer, stragglersSchema } from '#lib/api/stragglers.ts';
import { type CauseName, type Waits, waitsSchema } from '#lib/api/waits.ts';

export const START_NS = 1_767_225_600_000_000_000n;
const WINDOW = {
  startUnixNs: String(START_NS),
  endUnixNs: String(START_NS + 30_000_000_000n),
  durationNs: 30e9,
};

export const NO_CAUSES: Readonly<Record<CauseName, number>> = {
  a2fNetworkNs: 0,
  fanInNs: 0,
  peerQueueNs: 0,
  peerComputeNs: 0,
  loadExcessNs: 0,
  deviceExcessNs: 0,
  f2aNetworkNs: 0,
  peerHostNs: 0,
  fillDrainNs: 0,
  unknownNs: 0,
};

/** 0..1, the same for the same numbers. */
function wobble(...at: readonly number[]): number {
  const mixed = at.reduce((sum, n, i) => sum + (n + 1) * (i * 7.13 + 12.9898), 0);
  const value = Math.sin(mixed) * 43_758.5453;
  return value - Math.floor(value);
}

export function ids(role: string, count: number): string[] {
  return Array.from({ length: count }, (_, rank) => `${role}/${rank}`);
}

/**
 * Everyone waits about 1 ms a step for each of the other side, and 5 ms for FFN worker `slowFfn`.
 * Layers 0 to 2 are dense, 3 is the first MoE layer; `oddLayer` takes twice the others.
 */
export function sampleWaits(
  attention: number,
  ffn: number,
  { slowFfn = -1, oddLayer = -1, layers = 61 } = {},
): Waits {
  const steps = 20;
  const roles = [...ids('attention', attention), ...ids('ffn', ffn)];
  const a = Array.from({ length: attention }, (_, i) => i);
  const f = Array.from({ length: ffn }, (_, i) => attention + i);
  const matrix = (
    kind: 'attention-ffn' | 'ffn-attention',
    waiters: number[],
    culprits: number[],
  ) => {
    const compute: number[] = [];
    const device: number[] = [];
    for (const waiter of waiters) {
      for (const culprit of culprits) {
        compute.push(Math.round(steps * 1e6 * (0.9 + 0.2 * wobble(waiter, culprit))));
        device.push(kind === 'attention-ffn' && culprit - attention === slowFfn ? steps * 4e6 : 0);
      }
    }
    return {
      kind,
      waiters,
      culprits,
      totalNs: compute.map((ns, i) => ns + device[i]!),
      causes: [
        { cause: 'peerComputeNs', ns: compute },
        ...(device.some((ns) => ns > 0) ? [{ cause: 'deviceExcessNs', ns: device }] : []),
      ],
      hiddenWaiters: 0,
      hiddenCulprits: 0,
      hiddenNs: 0,
    };
  };
  return waitsSchema.parse({
    deployment: 'demo',
    window: WINDOW,
    steps,
    stepNs: 51e6,
    workers: roles.map((id, i) => ({
      id,
      group: id.split('/')[0],
      role: id.split('/')[0],
      rank: i < attention ? i : i - attention,
      waitedNs: steps * 4e6,
      causes: { ...NO_CAUSES, peerComputeNs: steps * 4e6 },
      blamedNs: steps * 8e6,
      blamed: { ...NO_CAUSES, peerComputeNs: steps * 8e6 },
    })),
    matrices: [matrix('attention-ffn', a, f), matrix('ffn-attention', f, a)],
    layers: Array.from({ length: layers }, (_, layer) =>
      sampleLayers(layer, steps, attention, ffn, oddLayer),
    ).flat(),
  });
}

function sampleLayers(
  layer: number,
  steps: number,
  attention: number,
  ffn: number,
  oddLayer: number,
): Waits['layers'] {
  const isDense = layer < 3;
  const scale = (layer === oddLayer ? 2 : 1) * (0.97 + 0.06 * wobble(layer));
  const stage = (name: string, ns: number, workers: number) => ({
    stage: name,
    count: steps * workers * 3,
    totalNs: Math.round(ns * steps * workers * scale),
  });
  const attentionEntry = {
    layer,
    role: 'attention',
    causes: {
      ...NO_CAUSES,
      ...(isDense ? {} : { peerComputeNs: 60_000 * steps * attention * scale }),
    },
    stages: [
      stage('attention', 700_000, attention),
      ...(isDense
        ? [stage('dense', 90_000, attention)]
        : [stage('gate', 30_000, attention), stage('a2f_send', 210_000, attention)]),
    ],
  };
  if (isDense) return [attentionEntry];
  return [
    attentionEntry,
    {
      layer,
      role: 'ffn',
      causes: {
        ...NO_CAUSES,
        peerComputeNs: 40_000 * steps * ffn * scale,
        fillDrainNs: layer === 3 ? 2_400_000 * steps * ffn : 0,
      },
      stages: [stage('expert', 760_000, ffn), stage('f2a_send', 390_000, ffn)],
    },
  ];
}

/** 30 sub-windows of a second; `slow` is over the threshold from the 11th on. */
export function sampleStragglers(
  attention: number,
  ffn: number,
  slow: { readonly worker: string; readonly load: number; readonly device: number } | null = null,
): StragglersAnswer {
  const windows = 30;
  const trend = (role: string, stage: string, count: number) => {
    const workers = ids(role, count);
    const score = workers.flatMap((worker, w) =>
      Array.from({ length: windows }, (_, at) =>
        worker === slow?.worker && at >= 10
          ? 12 + wobble(at)
          : 3 * wobble(w, at, stage.length) - 1.5,
      ),
    );
    return {
      group: role,
      stage,
      workers,
      atUnixNs: Array.from({ length: windows }, (_, at) =>
        String(START_NS + BigInt(at) * 1_000_000_000n),
      ),
      spanNs: 1e9,
      score,
      rawScore: score.map((value) => value + 0.5),
      excessRatio: score.map((value) => value * 0.02),
      loadRatio: score.map(() => 0),
    };
  };
  const isFfn = slow?.worker.startsWith('ffn') === true;
  return stragglersSchema.parse({
    deployment: 'demo',
    window: WINDOW,
    thresholdScore: 4,
    ranking:
      slow === null
        ? []
        : [
            {
              worker: slow.worker,
              stage: isFfn ? 'expert' : 'attention',
              score: 12.4,
              excessRatio: slow.load + slow.device,
              loadRatio: slow.load,
              residualRatio: slow.device,
              sinceUnixNs: String(START_NS + 10_000_000_000n),
              group: isFfn ? 'ffn' : 'attention',
              class: 'compute-slow',
              cause: slow.device === 0 ? 'load' : slow.load === 0 ? 'device' : 'both',
              rawScore: 13,
              meanNs: 330_000,
              medianNs: 270_000,
              excessNs: 2e9,
              confidence: 'high',
              windows: { slow: 20, of: windows },
              sufferedNs: 4.2e9,
            },
          ],
    loadModel: null,
    hangs: [],
    trends: [
      trend('attention', 'attention', attention),
      trend('attention', 'a2f_send', attention),
      trend('ffn', 'expert', ffn),
    ],
  });
}

/** FFN worker 1 stands still, all of attention waits for it, the other FFN workers wait for attention. */
export function sampleHang(attention: number, ffn: number, isOn: boolean): HangJson {
  const key = { stage: 'expert', layer: 30, microbatch: 1 };
  return hangSchema.parse({
    kind: 'hang',
    domain: 0,
    step: 4711,
    sinceUnixNs: String(START_NS + 5_000_000_000n),
    untilUnixNs: isOn ? null : String(START_NS + 12_500_000_000n),
    durationNs: 7.5e9,
    usualNs: 51e6,
    worker: 'ffn/1',
    reason: 'no-progress',
    waiting: attention + ffn - 1,
    workers: [...ids('attention', attention), ...ids('ffn', ffn)].map((worker) => ({
      worker,
      last: {
        step: 4711,
        stage: worker.startsWith('ffn') ? 'f2a_send' : 'a2f_send',
        layer: 29,
        microbatch: 2,
        endUnixNs: String(START_NS + 4_999_123_456n),
      },
      next: key,
      waitsFor:
        worker === 'ffn/1'
          ? []
          : worker.startsWith('ffn')
            ? ids('attention', attention)
            : ['ffn/1'],
    })),
  });
}

export type Measures = 'lists' | 'tokens' | 'none';

/** Expert 7 of rank 1 is hot in layer 20. */
export function sampleExperts(
  ranks: number,
  layers: number,
  { measures = 'lists' as Measures, forced = false, perRank = 16 } = {},
): ExpertsAnswer {
  const workers = ids('ffn', ranks).map((workerId, rank) => ({
    workerId,
    group: 'ffn',
    role: 'ffn',
    rank,
  }));
  const cells = <T>(of: (rank: number, layer: number) => T): T[] =>
    workers.flatMap((_, rank) => Array.from({ length: layers }, (_l, layer) => of(rank, layer)));
  const expertTokens = (rank: number, layer: number) =>
    Array.from({ length: perRank }, (_, e) =>
      forced
        ? 50
        : Math.round(
            (40 + 20 * wobble(rank, layer, e)) * (rank === 1 && layer === 20 && e === 7 ? 9 : 1),
          ),
    );
  const tokensOf = (rank: number, layer: number) =>
    expertTokens(rank, layer).reduce((sum, tokens) => sum + tokens, 0);
  const known = measures !== 'none';
  const hasLists = measures === 'lists';
  return expertsAnswerSchema.parse({
    deployment: 'demo',
    window: WINDOW,
    steps: 20,
    workers,
    layers: Array.from({ length: layers }, (_, layer) => layer),
    tokens: cells((rank, layer) => (known ? tokensOf(rank, layer) : null)),
    active: cells(() => (hasLists ? perRank : null)),
    maxTokens: cells((rank, layer) => (hasLists ? Math.max(...expertTokens(rank, layer)) : null)),
    meanTokens: cells((rank, layer) => (hasLists ? tokensOf(rank, layer) / perRank : null)),
    expertNs: cells((rank, layer) => 100_000 + 200 * tokensOf(rank, layer)),
    summary: known
      ? {
          maxOverMean: forced ? 1 : 1.08,
          vllmBalancedness: forced ? 1 : 0.93,
          sglangBalancedness: forced ? 1 : 0.94,
          activePerRank: perRank,
          expertMaxOverMean: hasLists ? 1.4 : null,
          tokensTimeCorrelation: forced ? null : 0.97,
          forcedRouting: forced,
          keys: 3600,
          hottest: [
            { worker: 'ffn/1', layer: 20, expert: hasLists ? 7 : -1, tokens: 480 },
            { worker: 'ffn/0', layer: 3, expert: hasLists ? 2 : -1, tokens: 60 },
          ],
          layers: Array.from({ length: layers }, (_, layer) => ({
            layer,
            maxOverMean: layer === 20 ? 1.4 : 1.02,
            vllmBalancedness: layer === 20 ? 0.7 : 0.98,
            sglangBalancedness: layer === 20 ? 0.71 : 0.98,
            tokensTimeCorrelation: 0.9,
            worker: 'ffn/1',
          })),
          workers: workers.map(({ workerId }, rank) => ({
            worker: workerId,
            tokens: 800,
            tokensRatio: rank === 1 ? 1.06 : 0.98,
            active: hasLists ? perRank : null,
          })),
        }
      : null,
    experts: hasLists
      ? workers.flatMap(({ workerId, rank }) =>
          Array.from({ length: layers }, (_, layer) => ({
            workerId,
            layer,
            tokens: expertTokens(rank, layer),
          })),
        )
      : [],
  });
}
