/**
 * From a recording and changes to what the replay plays. Without changes every duration is the
 * recorded one. docs/decisions/0009-what-if-shapes.md says how shapes that were not measured get theirs.
 */
import { Random } from '#lib/base/random.ts';
import type {
  ReplayDomain,
  ReplayProgram,
  ReplayTimes,
  ReplayTransfers,
} from '#lib/pipeline/replay-program.ts';
import { loadFactor } from './load-share.ts';
import type { SideCells } from './whatif-cells.ts';
import type { WhatifChanges } from './whatif-changes.ts';
import { type CellDonor, chooseCells, chooseWorkers, type Donors } from './whatif-donors.ts';
import { deviceFactors, lastingSkew, relativeLoads } from './whatif-factors.ts';
import type { RecordedDomain, Recording } from './whatif-recording.ts';

export interface Program {
  readonly program: ReplayProgram;
  /** By domain, then step: tokens of all attention workers; null where events carry none. */
  readonly tokens: readonly (Float64Array | null)[];
  readonly attention: number;
  readonly ffn: number;
  readonly microbatches: number;
}

/** Shares of time that grow with the load (load-share.ts). */
export interface Shares {
  readonly attention: number;
  readonly ffn: number;
}

const SEED = 9;

export function programOf(recording: Recording, changes: WhatifChanges, shares: Shares): Program {
  const { layers, crosses, domains: recorded, attentionLinkQueues, ffnLinkQueues } = recording;
  const attentionNow = recorded.reduce((sum, domain) => sum + domain.attentionIds.length, 0);
  const attention = changes.attention ?? attentionNow;
  const ffn = changes.ffn ?? recording.ffn.length;
  const random = new Random(SEED);
  const built = recorded.map((domain, d) => {
    const workers =
      changes.attention === null
        ? domain.attentionIds.length
        : Math.floor(((d + 1) * attention) / recorded.length) -
          Math.floor((d * attention) / recorded.length);
    return buildDomain(recording, domain, changes, shares, workers, ffn, random.fork(`${d}`));
  });
  return {
    program: {
      layers,
      crosses,
      ffnWorkers: ffn,
      domains: built.map(({ domain }) => domain),
      attentionLinkQueues,
      ffnLinkQueues,
    },
    tokens: built.map(({ tokens }) => tokens),
    attention,
    ffn,
    microbatches: Math.max(...built.map(({ domain }) => domain.microbatches)),
  };
}

function buildDomain(
  recording: Recording,
  recorded: RecordedDomain,
  changes: WhatifChanges,
  shares: Shares,
  attentionWorkers: number,
  ffnWorkers: number,
  random: Random,
): { readonly domain: ReplayDomain; readonly tokens: Float64Array | null } {
  const { steps } = recorded;
  const { layers } = recording;
  const microbatches = changes.microbatches ?? recorded.microbatches;
  const attention = sideProgram(recorded.attention, recording.layers, recorded, changes, {
    ids: recorded.attentionIds,
    workers: attentionWorkers,
    microbatches,
    share: shares.attention,
    load: changes.batch,
    level: false,
    random: random.fork('attention'),
  });
  const spread =
    (attentionWorkers / recorded.attentionIds.length) * (recording.ffn.length / ffnWorkers);
  const ffn = sideProgram(recorded.ffn, recording.layers, recorded, changes, {
    ids: recording.ffn,
    workers: ffnWorkers,
    microbatches,
    share: shares.ffn,
    load: changes.batch * spread,
    level: changes.levelExperts,
    random: random.fork('ffn'),
  });
  const transfers = (
    from: ReplayTransfers,
    senders: BuiltSide,
    receivers: BuiltSide,
    stage: string,
  ): ReplayTransfers =>
    transferProgram(
      from,
      senders,
      receivers,
      steps,
      layers,
      recorded.microbatches,
      changes.network * (changes.stages.get(stage) ?? 1),
    );
  const perStep = (column: Float64Array, factor: number): Float64Array =>
    stepColumn(column, steps, recorded.attentionIds.length, attention.donors.worker, factor);
  return {
    domain: {
      steps,
      attentionWorkers,
      microbatches,
      notBeforeNs: perStep(recorded.notBeforeNs, 1),
      gapNs: perStep(recorded.gapNs, changes.stages.get('host') ?? 1),
      epilogueNs: perStep(recorded.epilogueNs, changes.stages.get('sample') ?? 1),
      attention: attention.times,
      ffn: ffn.times,
      a2f: transfers(recorded.a2f, attention, ffn, 'a2f_send'),
      f2a: transfers(recorded.f2a, ffn, attention, 'f2a_send'),
    },
    tokens: tokensByStep(recorded, attention, microbatches, changes.batch),
  };
}

interface SideTarget {
  readonly ids: readonly string[];
  readonly workers: number;
  readonly microbatches: number;
  readonly share: number;
  /** Load over that of the record. */
  readonly load: number;
  readonly level: boolean;
  readonly random: Random;
}

interface BuiltSide {
  readonly times: ReplayTimes;
  readonly donors: Donors;
  readonly cells: CellDonor;
  readonly recordedWorkers: number;
}

function sideProgram(
  side: SideCells,
  layers: number,
  recorded: RecordedDomain,
  changes: WhatifChanges,
  target: SideTarget,
): BuiltSide {
  const { steps, microbatches: recordedMicrobatches } = recorded;
  const { workers, microbatches, share, random } = target;
  const loads = side.stages.map(relativeLoads);
  const devices = deviceFactors(side, loads, share);
  const donors = chooseWorkers(slownessOf(side, devices), workers, random.fork('workers'));
  const cells = chooseCells(
    recordedMicrobatches,
    microbatches,
    donors.isNew,
    steps,
    random.fork('cells'),
  );
  const length = steps * layers * microbatches * workers;
  const times = {
    preNs: new Float64Array(length),
    midNs: new Float64Array(length),
    postNs: new Float64Array(length),
  };
  side.stages.forEach((stage, s) => {
    const to =
      stage.position === 'pre'
        ? times.preNs
        : stage.position === 'mid'
          ? times.midNs
          : times.postNs;
    const stageFactor = changes.stages.get(stage.name) ?? 1;
    const relative = loads[s]!;
    const workerFactor = Float64Array.from(
      target.ids,
      (id, w) => stageFactor * (changes.fixed.includes(id) ? 1 / Math.max(1, devices[s]![w]!) : 1),
    );
    const skew =
      target.level && stage.load !== null
        ? lastingSkew(stage.load, side.workers, recordedMicrobatches, layers)
        : null;
    // Everything but the experts' own work is on all of a worker's tokens alike.
    forEachCell(
      { donors, cells, steps, layers, recordedMicrobatches, microbatches },
      side.workers,
      (at, from, layer, donor) => {
        const now = relative === null ? 1 : relative[from]!;
        const levelled = skew === null ? now : now / skew[layer * side.workers + donor]!;
        const load = levelled * target.load;
        const factor = load === now ? 1 : loadFactor(share, load, now);
        to[at] = to[at]! + stage.ns[from]! * factor * workerFactor[donor]!;
      },
    );
  });
  return { times, donors, cells, recordedWorkers: side.workers };
}

interface CellMap {
  readonly donors: Donors;
  readonly cells: CellDonor;
  readonly steps: number;
  readonly layers: number;
  readonly recordedMicrobatches: number;
  readonly microbatches: number;
}

function forEachCell(
  { donors, cells, steps, layers, recordedMicrobatches, microbatches }: CellMap,
  recordedWorkers: number,
  visit: (at: number, from: number, layer: number, donor: number) => void,
): void {
  const workers = donors.worker.length;
  let at = 0;
  for (let step = 0; step < steps; step++) {
    for (let layer = 0; layer < layers; layer++) {
      for (let mb = 0; mb < microbatches; mb++) {
        const shift = cells.stepShift;
        for (let w = 0; w < workers; w++) {
          const donor = donors.worker[w]!;
          const donorStep = (step + shift[mb * workers + w]!) % steps;
          const key = (donorStep * layers + layer) * recordedMicrobatches + cells.microbatch[mb]!;
          visit(at++, key * recordedWorkers + donor, layer, donor);
        }
      }
    }
  }
}

/** By worker: its largest device factor over the stages that matter. */
function slownessOf(side: SideCells, devices: readonly Float64Array[]): number[] {
  const totals = side.stages.map(({ ns }) => ns.reduce((sum, value) => sum + value, 0));
  const all = totals.reduce((sum, value) => sum + value, 0);
  return Array.from({ length: side.workers }, (_, w) => {
    let slowness = 0;
    devices.forEach((factors, s) => {
      slowness += (all > 0 ? totals[s]! / all : 0) * factors[w]!;
    });
    return slowness === 0 ? 1 : slowness;
  });
}

function transferProgram(
  { by, ns, linkNs }: ReplayTransfers,
  senders: BuiltSide,
  receivers: BuiltSide,
  steps: number,
  layers: number,
  recordedMicrobatches: number,
  factor: number,
): ReplayTransfers {
  const of = (column: Float64Array, side: BuiltSide): Float64Array => {
    const { donors, cells } = side;
    const workers = donors.worker.length;
    const microbatches = cells.microbatch.length;
    const made = new Float64Array(steps * layers * microbatches * workers);
    forEachCell(
      { donors, cells, steps, layers, recordedMicrobatches, microbatches },
      side.recordedWorkers,
      (at, from) => {
        made[at] = column[from]! * factor;
      },
    );
    return made;
  };
  if (by !== 'pair') {
    return {
      by,
      ns: of(ns, by === 'sender' ? senders : receivers),
      linkNs: linkNs === null ? null : of(linkNs, senders),
    };
  }
  return {
    by,
    ns: pairs(ns, senders, receivers, steps, layers, recordedMicrobatches, factor),
    linkNs,
  };
}

/** As a new sender sends to everybody, so everybody sends to a new receiver. */
function pairs(
  column: Float64Array,
  senders: BuiltSide,
  receivers: BuiltSide,
  steps: number,
  layers: number,
  recordedMicrobatches: number,
  factor: number,
): Float64Array {
  const { donors, cells } = senders;
  const to = receivers.donors.worker;
  const microbatches = cells.microbatch.length;
  const made = new Float64Array(steps * layers * microbatches * donors.worker.length * to.length);
  forEachCell(
    { donors, cells, steps, layers, recordedMicrobatches, microbatches },
    senders.recordedWorkers,
    (at, from) => {
      for (let r = 0; r < to.length; r++) {
        made[at * to.length + r] = column[from * receivers.recordedWorkers + to[r]!]! * factor;
      }
    },
  );
  return made;
}

/** A new worker begins each step as its donor does. */
function stepColumn(
  column: Float64Array,
  steps: number,
  recordedWorkers: number,
  donors: Int32Array,
  factor: number,
): Float64Array {
  const made = new Float64Array(steps * donors.length);
  for (let step = 0; step < steps; step++) {
    for (let w = 0; w < donors.length; w++) {
      made[step * donors.length + w] = column[step * recordedWorkers + donors[w]!]! * factor;
    }
  }
  return made;
}

function tokensByStep(
  { tokens, steps, microbatches: recordedMicrobatches, attentionIds }: RecordedDomain,
  { donors, cells }: BuiltSide,
  microbatches: number,
  batch: number,
): Float64Array | null {
  if (tokens === null) return null;
  const recordedWorkers = attentionIds.length;
  const made = new Float64Array(steps);
  for (let step = 0; step < steps; step++) {
    for (let mb = 0; mb < microbatches; mb++) {
      for (const donor of donors.worker) {
        const from =
          (step * recordedMicrobatches + cells.microbatch[mb]!) * recordedWorkers + donor;
        made[step] = made[step]! + tokens[from]! * batch;
      }
    }
  }
  return made;
}
