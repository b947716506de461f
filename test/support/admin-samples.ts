/** What the admin server shows, without a collector: an idle ingest thread, a small report. */
import type { IngestStats } from '#collector/ingest/ingest-client.ts';
import { type Overview, overviewSchema } from '#lib/api/live-event.ts';
import { type ReportJson, reportSchema } from '#lib/api/report-schema.ts';

export function idleIngestStats(): IngestStats {
  return {
    cpuMs: 0,
    decodeErrors: 0,
    malformedRequests: 0,
    commits: 0,
    failedCommits: 0,
    liveDroppedEvents: 0,
    liveDroppedMessages: 0,
    liveBehindMessages: 0,
    deletedChunks: 0,
    deletedRollups: 0,
    retentionFailures: 0,
    rollupFailures: 0,
    uncountedLateEvents: 0,
    size: {
      databaseBytes: 4096,
      walBytes: 0,
      journalBytes: 0,
      compactionBacklogBytes: 0,
      rawBytes: 0,
      oldestRawUnixNs: null,
    },
    state: { status: 'ok' },
    queueWaitMs: 0,
    pendingRequests: 0,
    pendingBytes: 0,
    storedRequests: 0,
    duplicateRequests: 0,
    unavailableRequests: 0,
    committedEvents: 0,
    committedMetricPoints: 0,
  };
}

/** The report below; GPU rank 3 is slow, rank 5 has been silent for 9 s, and a step stood still and went on. */
export function sampleOverview(deployment: string): Overview {
  const hang = {
    domain: 0,
    step: 7,
    sinceUnixNs: '1793000001000000000',
    untilUnixNs: null,
    durationNs: 4e9,
    usualNs: null,
    worker: 'attention/5',
    waiting: 0,
    workers: [],
  };
  return overviewSchema.parse({
    kind: 'overview',
    deployment,
    state: 'live',
    atUnixMs: 1_793_000_010_000,
    report: sampleReport(deployment),
    gpu: [],
    tpotMs: { mean: 42, p50: 40, p99: 60 },
    ingest: {
      eventsPerSecond: 1000,
      acceptedEvents: 10_000,
      acceptedMetricPoints: 0,
      logRecords: 0,
      rejected: {},
      lagMs: 1500,
    },
    stragglers: [
      {
        worker: 'attention/3',
        stage: 'attention',
        score: 8.5,
        excessRatio: 0.12,
        loadRatio: 0.02,
        residualRatio: 0.1,
        sinceUnixNs: '1792999990000000000',
      },
    ],
    hangs: [
      { ...hang, kind: 'silent', reason: 'silent' },
      {
        ...hang,
        kind: 'hang',
        reason: 'no-progress',
        sinceUnixNs: '1792999900000000000',
        untilUnixNs: '1792999905000000000',
      },
    ],
  });
}

/** One attention group: busy 75 %, active bubble 20 %, no transfer; period 820 µs of ideal 810 µs. */
export function sampleReport(deployment: string): ReportJson {
  const windowNs = 10e9;
  return reportSchema.parse({
    schema: 'afdscope.report/1',
    deployment,
    exactness: 'raw',
    window: {
      startUnixNs: '1792999991000000000',
      endUnixNs: '1793000001000000000',
      durationNs: windowNs,
    },
    topology: { attention: 1, ffn: 1, microbatches: 3, layers: 61 },
    steps: { count: 200, latencyNs: null, cadenceNs: null, tokens: 40_000, tokensPerSecond: 4000 },
    groups: [
      {
        group: 'attention',
        role: 'attention',
        workers: 1,
        windowNs,
        observedNs: windowNs,
        activeNs: windowNs,
        computeNs: 7.5e9,
        transferNs: 0,
        waitNs: 0,
        copyNs: 0,
        hostNs: 0,
        overlapNs: 0,
        exposedTransferNs: 0,
        bubbleNs: 2.5e9,
        activeBubbleNs: 2e9,
        htaCommNs: 0,
        htaOverlapNs: 0,
        busyRatio: 0.75,
        bubbleRatio: 0.25,
        activeBubbleRatio: 0.2,
        overlapRatio: null,
        htaOverlapRatio: null,
        bubble: {
          exposedTransferNs: 0,
          waitPeerNs: 0,
          copyNs: 0,
          hostNs: 0,
          unattributedNs: 2.5e9,
        },
        causes: {
          a2fNetworkNs: 0,
          fanInNs: 0,
          peerQueueNs: 0,
          peerComputeNs: 0,
          loadExcessNs: 0,
          deviceExcessNs: 0,
          f2aNetworkNs: 0,
          peerHostNs: 0,
          fillDrainNs: 0,
          unknownNs: 2.5e9,
        },
      },
    ],
    workers: [],
    layers: [],
    stages: [],
    balance: {
      taNs: 270e3,
      tfNs: 255e3,
      taEffectiveNs: 270e3,
      tfEffectiveNs: 255e3,
      ta2fNs: 70e3,
      tf2aNs: 130e3,
      idealPeriodNs: 810e3,
      measuredPeriodNs: 820e3,
      bound: 'attention-bound',
      attentionBubble: 0,
      ffnBubble: 0.06,
      minMicrobatches: 3,
      imbalanceCostNs: 0,
      advice: [],
    },
    stragglers: [],
    criticalPath: null,
    experts: null,
    clock: { referenceDomain: null, domains: [], conflicts: 0 },
    quality: { events: 1000, duplicates: 0, late: 0, rejected: {}, unmatchedReceives: 0 },
  });
}
