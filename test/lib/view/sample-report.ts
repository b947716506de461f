/** A small, schema-valid report for tests of the view: every figure can be set. */
import { type ReportJson, reportSchema } from '#lib/api/report-schema.ts';

type Group = ReportJson['groups'][number];
type Worker = ReportJson['workers'][number];
type Balance = NonNullable<ReportJson['balance']>;

const NO_CAUSES: Group['causes'] = {
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

function activity(windowNs: number, computeNs: number): Omit<Group, 'group' | 'role' | 'workers'> {
  const bubbleNs = windowNs - computeNs;
  return {
    windowNs,
    observedNs: windowNs,
    activeNs: windowNs,
    computeNs,
    transferNs: 0,
    waitNs: bubbleNs,
    copyNs: 0,
    hostNs: 0,
    overlapNs: 0,
    exposedTransferNs: 0,
    bubbleNs,
    activeBubbleNs: bubbleNs,
    htaCommNs: 0,
    htaOverlapNs: 0,
    busyRatio: computeNs / windowNs,
    bubbleRatio: bubbleNs / windowNs,
    activeBubbleRatio: bubbleNs / windowNs,
    overlapRatio: null,
    htaOverlapRatio: null,
    bubble: {
      exposedTransferNs: 0,
      waitPeerNs: bubbleNs,
      copyNs: 0,
      hostNs: 0,
      unattributedNs: 0,
    },
    causes: NO_CAUSES,
  };
}

export function sampleGroup(role: string, workers: number, busyRatio: number): Group {
  return { ...activity(1000 * workers, 1000 * workers * busyRatio), group: role, role, workers };
}

export function sampleWorker(role: string, rank: number, busyRatio: number): Worker {
  return {
    ...activity(1000, 1000 * busyRatio),
    id: `${role}/${rank}`,
    group: role,
    role,
    rank,
    host: 'node-0',
    clockDomain: 'node-0',
    clockOffsetNs: 0,
    clockErrorNs: null,
  };
}

export const SAMPLE_BALANCE: Balance = {
  taNs: 150_000,
  tfNs: 240_000,
  taEffectiveNs: 155_000,
  tfEffectiveNs: 246_000,
  ta2fNs: 70_000,
  tf2aNs: 130_000,
  idealPeriodNs: 738_000,
  measuredPeriodNs: 741_300,
  bound: 'ffn-bound',
  attentionBubble: 0.37,
  ffnBubble: 0,
  minMicrobatches: 3,
  imbalanceCostNs: 18_000,
  advice: [],
};

/** FFN-bound, even groups, many steps; `changes` replaces whole parts. */
export function sampleReport(changes: Partial<ReportJson> = {}): ReportJson {
  const workers = [
    ...[0, 1, 2, 3].map((rank) => sampleWorker('attention', rank, 0.6)),
    ...[0, 1].map((rank) => sampleWorker('ffn', rank, 0.95)),
  ];
  return reportSchema.parse({
    schema: 'afdscope.report/1',
    deployment: 'demo',
    exactness: 'raw',
    window: {
      startUnixNs: '1767225600000000000',
      endUnixNs: '1767225601000000000',
      durationNs: 1e9,
    },
    topology: { attention: 4, ffn: 2, microbatches: 3, layers: 61 },
    steps: { count: 20, latencyNs: null, cadenceNs: null, tokens: null, tokensPerSecond: null },
    groups: [sampleGroup('attention', 4, 0.6), sampleGroup('ffn', 2, 0.95)],
    workers,
    layers: [],
    stages: [],
    balance: SAMPLE_BALANCE,
    stragglers: [],
    criticalPath: null,
    experts: null,
    clock: { referenceDomain: null, domains: [], conflicts: 0 },
    quality: { events: 1, duplicates: 0, late: 0, rejected: {}, unmatchedReceives: 0 },
    ...changes,
  });
}
