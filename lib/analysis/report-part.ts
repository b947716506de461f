/**
 * What one slice of a window adds to its report: lengths to be summed and samples to be joined.
 * Plain data, so that it can come from another thread. `finish-report.ts` makes the report.
 */
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { coversAll, endsInWindow, overlapsWindow } from '#lib/model/select-window.ts';
import { linkFacts } from '#lib/model/smallest-transfers.ts';
import { type WorkerInfo, workerId } from '#lib/table/worker-info.ts';
import type { ActivityLengths } from './activity.ts';
import { type PathSamples, pathSamples } from './critical-path-report.ts';
import { type DeviceSums, deviceSums } from './device-sums.ts';
import { type ExpertPart, expertPart } from './experts.ts';
import { type HangPart, hangPart } from './hang.ts';
import { indexExtent } from './index-extent.ts';
import { layersCrossing } from './key-facts.ts';
import { type LayerSamples, layerSamples } from './layer-samples.ts';
import { fitLoadModel, type LoadModel } from './load-model.ts';
import { domainsOfWorkers, type WorkerDomains } from './observed.ts';
import { type PipelineSamples, pipelineSamples } from './pipeline-terms.ts';
import { type LinkLoad, owns, type SharedFacts, type Slice } from './slice.ts';
import { type StageLoads, stageLoads } from './stage-loads.ts';
import { type StageSamples, stageSamples } from './stage-report.ts';
import { type StepSamples, stepSamples } from './step-report.ts';
import { workerActivity } from './worker-activity.ts';

export interface ReportPart {
  /** Length of the slice. */
  readonly windowNs: number;
  /** In the order of every answer. */
  readonly workers: readonly PartWorker[];
  readonly microbatches: number;
  readonly layers: number;
  readonly steps: StepSamples;
  readonly stages: StageSamples;
  readonly pipeline: LayerSamples;
  readonly paths: PathSamples;
  /** Of the whole window: the same in all parts. */
  readonly loadModel: LoadModel;
  readonly stageLoads: StageLoads;
  readonly hangs: HangPart;
  readonly experts: ExpertPart | null;
  /** By group. */
  readonly devices: readonly DeviceSums[];
  readonly events: number;
  readonly duplicates: number;
  readonly unmatchedReceives: number;
  readonly completeKeys: number;
  readonly incompleteKeys: number;
  readonly facts: PartFacts;
}

export interface PartWorker {
  readonly info: WorkerInfo;
  /** Start of its newest event, which `info` came with. */
  readonly newestStartUnixNs: UnixNanos;
  readonly lengths: ActivityLengths;
  /** What others waited because of it. */
  readonly blamedNs: number;
}

/** What the slice tells of the facts that all slices share, and what it made of them. */
export interface PartFacts {
  readonly smallestTransfers: ReadonlyMap<string, number>;
  /** Links with an unmatched receive. */
  readonly unmatchedLinks: readonly string[];
  readonly sparseLayers: readonly number[];
  readonly denseLayers: readonly number[];
  /** Domains of all its steps. */
  readonly domains: readonly number[];
  readonly workerDomains: WorkerDomains;
  /** One a worker. */
  readonly linkLoads: readonly LinkLoad[];
}

/** `selected` holds the steps and events that the slice needs, and no others than the report's. */
export function reportPart(selected: Assembled, slice: Slice): ReportPart {
  const { window } = slice;
  const { events, offsets } = selected;
  const edgesNs = [window.fromNs, window.toNs];
  const samples = pipelineSamples(selected, slice);
  const loadModel = slice.loadModel ?? fitLoadModel(selected, samples.times, slice);
  const domains = slice.known?.workerDomains;
  const activity = workerActivity(selected, samples.times, [loadModel], edgesNs, domains);
  return {
    windowNs: window.toNs - window.fromNs,
    workers: events.workers.map((info, w) => ({
      info,
      newestStartUnixNs: addNanos(events.baseUnixNs, events.startNs[offsets[w + 1]! - 1]!),
      ...activity[w]![0]!,
    })),
    ...indexExtent(selected, window),
    steps: stepSamples(selected, window),
    stages: stageSamples(selected, window),
    pipeline: layerSamples(selected, samples, window),
    paths: pathSamples(selected, window),
    loadModel,
    stageLoads: stageLoads(selected, window),
    hangs: hangPart(selected, slice),
    experts: expertPart(selected, window),
    devices: deviceSums(selected, window),
    ...countEvents(selected, slice),
    unmatchedReceives: countUnmatched(selected, slice),
    ...countKeys(samples, slice),
    facts: factsOf(selected, samples),
  };
}

function countEvents(
  assembled: Assembled,
  slice: Slice,
): { readonly events: number; readonly duplicates: number } {
  const { events, endNs, extraCopies } = assembled;
  const { startNs } = events;
  const isWhole = slice.ownFromNs === -Infinity && slice.ownToNs === Infinity;
  if (isWhole && extraCopies === null && coversAll(assembled, slice.whole)) {
    return { events: events.length, duplicates: 0 };
  }
  let count = 0;
  let duplicates = 0;
  for (let row = 0; row < events.length; row++) {
    const start = startNs[row]!;
    if (!owns(slice, start) || !overlapsWindow(start, endNs[row]!, slice.whole)) continue;
    count++;
    if (extraCopies !== null) duplicates += extraCopies[row]!;
  }
  return { events: count, duplicates };
}

function countUnmatched({ receives }: Assembled, slice: Slice): number {
  let count = 0;
  for (let r = 0; r < receives.length; r++) {
    if (receives.lastSend[r]! >= 0 || !owns(slice, receives.startNs[r]!)) continue;
    if (overlapsWindow(receives.startNs[r]!, receives.endNs[r]!, slice.whole)) count++;
  }
  return count;
}

/** Keys that both sides work on and that end in the slice. */
function countKeys(
  { facts }: PipelineSamples,
  { window }: Slice,
): { readonly completeKeys: number; readonly incompleteKeys: number } {
  const { startNs, endNs, complete, partial } = facts;
  let completeKeys = 0;
  let incompleteKeys = 0;
  for (let key = 0; key < complete.length; key++) {
    if (complete[key] === 0 && partial[key] === 0) continue;
    if (!endsInWindow(startNs[key]!, endNs[key]!, window)) continue;
    completeKeys += complete[key]!;
    incompleteKeys += partial[key]!;
  }
  return { completeKeys, incompleteKeys };
}

function factsOf(assembled: Assembled, samples: PipelineSamples): PartFacts {
  const { events, keys, receives } = assembled;
  const sparse = layersCrossing(assembled, samples.times);
  const dense = new Set<number>();
  for (let key = 0; key < keys.length; key++) {
    if (!sparse.has(keys.layer[key]!)) dense.add(keys.layer[key]!);
  }
  const { smallest, unmatched } = linkFacts(events, receives);
  return {
    smallestTransfers: smallest,
    unmatchedLinks: unmatched,
    sparseLayers: [...sparse],
    denseLayers: [...dense],
    domains: [...new Set(assembled.steps.domain)],
    workerDomains: domainsOfWorkers(assembled),
    linkLoads: samples.transfers.linkLoads,
  };
}

/** What all parts together tell. */
export function sharedFacts(parts: readonly ReportPart[]): SharedFacts {
  const sparseLayers = new Set<number>();
  const smallestTransfers = new Map<string, number>();
  const linkLoads = new Map<string, LinkLoad>();
  const workerDomains = new Map<string, Set<number>>();
  for (const { workers, facts } of parts) {
    for (const layer of facts.sparseLayers) sparseLayers.add(layer);
    for (const [link, ns] of facts.smallestTransfers) {
      const known = smallestTransfers.get(link);
      if (known === undefined || ns < known) smallestTransfers.set(link, ns);
    }
    for (const [id, domains] of facts.workerDomains) {
      workerDomains.set(id, new Set([...(workerDomains.get(id) ?? []), ...domains]));
    }
    workers.forEach(({ info }, w) => {
      const id = workerId(info);
      const load = facts.linkLoads[w]!;
      const known = linkLoads.get(id);
      linkLoads.set(id, known === undefined ? load : addLoads(known, load));
    });
  }
  return { sparseLayers, smallestTransfers, workerDomains, linkLoads };
}

function addLoads(a: LinkLoad, b: LinkLoad): LinkLoad {
  return {
    durationNs: a.durationNs + b.durationNs,
    inFlightNs: a.inFlightNs + b.inFlightNs,
    bytes: a.bytes + b.bytes,
    haveBytes: a.haveBytes && b.haveBytes,
  };
}

/** Would the part have come out otherwise, had it known what all parts together tell? */
export function isStale({ workers, facts }: ReportPart, shared: SharedFacts): boolean {
  if (facts.denseLayers.some((layer) => shared.sparseLayers.has(layer))) return true;
  const changed = (link: string): boolean =>
    (facts.smallestTransfers.get(link) ?? 0) !== (shared.smallestTransfers.get(link) ?? 0);
  if (facts.unmatchedLinks.some(changed)) return true;
  for (const [id, domains] of facts.workerDomains) {
    const all = shared.workerDomains.get(id)!;
    if (facts.domains.some((domain) => all.has(domain) && !domains.has(domain))) return true;
  }
  return workers.some(({ info }, w) => {
    const own = facts.linkLoads[w]!;
    const all = shared.linkLoads.get(workerId(info))!;
    // Without overlap a send's own duration is all that matters.
    const overlapping = own.durationNs > own.inFlightNs || all.durationNs > all.inFlightNs;
    return overlapping && own.durationNs !== all.durationNs;
  });
}
