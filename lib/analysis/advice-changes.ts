/** What an advice may propose: every candidate as a change of the model and as what-if changes. */
import { type AdviceModel, type ModelChange, slowestOf } from './advice-model.ts';
import { type LoadShares, loadFactor } from './load-share.ts';
import type { Straggler } from './straggler-types.ts';

export interface SidedStraggler extends Straggler {
  readonly side: 'attention' | 'ffn';
}

export interface Candidate {
  readonly kind: string;
  readonly change: string;
  readonly model: ModelChange;
  /** Other readings of the same change, inside the interval. */
  readonly variants?: readonly ModelChange[];
  readonly set?: readonly string[];
  /** Which assumed or fitted share of time matters; null: none. */
  readonly scales: 'attention' | 'ffn' | 'both' | null;
  /** What else it rests on. */
  readonly assumes: string;
  /** GPUs or micro-batches that change: of two equal ones the smaller change is advised. */
  readonly size: number;
}

/** More are not looked at; where there are more ratios, every so many-th. */
const MAX_RATIOS = 64;
const MAX_MICROBATCHES = 8;

/** Other splits of the same GPUs. */
export function ratioCandidates(model: AdviceModel): Candidate[] {
  const total = model.attention + model.ffn;
  return counts(1, total - 1)
    .filter((attention) => attention !== model.attention)
    .map((attention) => ratioCandidate(model, 'ratio', attention, total - attention));
}

/** More GPUs on one side, up to twice as many. */
export function addingCandidates(model: AdviceModel): Candidate[] {
  const { attention, ffn } = model;
  return [
    ...counts(attention + 1, 2 * attention).map((count) =>
      ratioCandidate(model, 'add-attention', count, ffn),
    ),
    ...counts(ffn + 1, 2 * ffn).map((count) => ratioCandidate(model, 'add-ffn', attention, count)),
  ];
}

/** Fewer on one side, down to half. */
export function removingCandidates(model: AdviceModel): Candidate[] {
  const { attention, ffn } = model;
  return [
    ...counts(Math.ceil(attention / 2), attention - 1).map((count) =>
      ratioCandidate(model, 'remove-attention', count, ffn),
    ),
    ...counts(Math.ceil(ffn / 2), ffn - 1).map((count) =>
      ratioCandidate(model, 'remove-ffn', attention, count),
    ),
  ];
}

function ratioCandidate(
  model: AdviceModel,
  kind: string,
  attention: number,
  ffn: number,
): Candidate {
  const ratio = `${attention}A${ffn}F`;
  return {
    kind,
    change: `${ratio} instead of ${model.attention}A${model.ffn}F`,
    model: {
      attention,
      ffn,
      ffnLoad: (attention / model.attention) * (model.ffn / ffn),
    },
    set: [`ratio=${ratio}`],
    scales: 'ffn',
    assumes:
      'Requests per attention worker stay, so that attention takes as long as now and tokens per FFN worker follow the ratio; transfers stay.',
    size: Math.abs(attention - model.attention) + Math.abs(ffn - model.ffn),
  };
}

/** The same requests in more or fewer micro-batches. */
export function splitCandidates(model: AdviceModel): Candidate[] {
  const now = model.microbatches;
  return otherMicrobatches(now).map((microbatches): Candidate => {
    const load = now / microbatches;
    return {
      kind: 'microbatches',
      change: `${microbatches} micro-batches instead of ${now}, of the same requests`,
      // The worse for it of the two ways in which transfers may follow their size.
      model: {
        microbatches,
        attentionLoad: load,
        ffnLoad: load,
        transfers: Math.max(1, load),
      },
      variants: [
        { microbatches, attentionLoad: load, ffnLoad: load, transfers: Math.min(1, load) },
      ],
      set: [`microbatches=${microbatches}`, `batch=${load.toFixed(4)}`],
      scales: 'both',
      assumes: 'Transfers take as long as now, or longer and shorter with their size.',
      size: Math.abs(microbatches - now),
    };
  });
}

/** More requests, in more micro-batches of the same size. */
export function moreRequestsCandidates(model: AdviceModel): Candidate[] {
  const now = model.microbatches;
  return otherMicrobatches(now)
    .filter((microbatches) => microbatches > now)
    .map((microbatches) => ({
      kind: 'more-requests',
      change: `${microbatches} micro-batches instead of ${now}, each as large as now`,
      model: { microbatches },
      set: [`microbatches=${microbatches}`],
      scales: null,
      assumes: `Each attention worker has room for the KV cache of ${Math.round((microbatches / now - 1) * 100)} % more requests.`,
      size: microbatches - now,
    }));
}

function otherMicrobatches(now: number): number[] {
  return Array.from({ length: MAX_MICROBATCHES }, (_, i) => i + 1).filter((m) => m !== now);
}

/** Where events show a shared expert: on the other side. `ns`: its median time per micro-batch. */
export function sharedExpertCandidate(
  model: AdviceModel,
  side: 'attention' | 'ffn',
  ns: number,
): Candidate {
  const perWorker = model.ffn / model.attention;
  const toAttention = side === 'ffn';
  const moved = (grows: number): ModelChange => {
    const movedNs = ns * loadFactor(grows, toAttention ? perWorker : 1 / perWorker, 1);
    return toAttention
      ? { ffnNs: -ns, ffnSerialNs: -ns, attentionNs: movedNs }
      : { attentionNs: -ns, ffnNs: movedNs, ffnSerialNs: movedNs };
  };
  return {
    kind: 'shared-expert',
    change: toAttention ? 'shared expert on the attention side' : 'shared expert on the FFN side',
    model: moved(0.75),
    variants: [moved(0.5), moved(1)],
    scales: null,
    assumes: `Half to all of its time grows with its tokens. It runs ${
      toAttention ? 'while its micro-batch is away.' : 'before the reply is sent.'
    }`,
    size: 1,
  };
}

/** Slow workers at their median's pace, skewed loads evened. */
export function remedyCandidates(
  model: AdviceModel,
  shares: LoadShares,
  stragglers: readonly SidedStraggler[],
): Candidate[] {
  const found: Candidate[] = [];
  for (const side of ['attention', 'ffn'] as const) {
    const own = stragglers.filter((one) => isCompute(one) && one.side === side);
    if (own.length === 0) continue;
    found.push(
      ...fixCandidates(
        model,
        side,
        excessBy(own, ({ residualRatio }) => residualRatio),
      ),
    );
    const level = levelCandidate(model, shares, side, own);
    if (level !== null) found.push(level);
  }
  return found;
}

export function isCompute({ class: kind, medianNs }: Straggler): boolean {
  return kind !== 'comm-slow' && medianNs !== undefined;
}

export interface Excess {
  readonly worker: string;
  readonly ns: number;
}

/** Excess of each worker over all its stages, largest first. */
export function excessBy(
  stragglers: readonly Straggler[],
  ratio: (one: Straggler) => number,
): Excess[] {
  const sums = new Map<string, number>();
  for (const one of stragglers) {
    const ns = Math.max(0, ratio(one)) * one.medianNs!;
    sums.set(one.worker, (sums.get(one.worker) ?? 0) + ns);
  }
  return [...sums]
    .map(([worker, ns]) => ({ worker, ns }))
    .sort((a, b) => b.ns - a.ns || (a.worker < b.worker ? -1 : 1));
}

/** The slowest worker; the next slowest then is what everybody waits for. */
function fixCandidates(
  model: AdviceModel,
  side: 'attention' | 'ffn',
  excess: readonly Excess[],
): Candidate[] {
  const [worst, next] = excess;
  if (worst === undefined) return [];
  const savedNs = worst.ns - (next?.ns ?? 0);
  if (!(savedNs > 0)) return [];
  const median = meanOf(model, side === 'attention' ? model.terms.taNs : model.terms.tfNs);
  // Its dense layers are as much too slow.
  const restNs =
    side === 'attention' ? (-model.microbatches * model.denseNs * savedNs) / median : 0;
  return [
    {
      kind: 'fix-worker',
      change: `${worst.worker} as fast as its group at the same load`,
      model: { ...lessOn(side, savedNs, usualExcessNs(model, side)), restNs },
      set: [`fix=${worst.worker}`],
      scales: null,
      assumes: 'The worker then varies as the others of its group do.',
      size: 1,
    },
  ];
}

/** Spread of load that lasts: experts placed anew, or requests routed by their contexts. */
function levelCandidate(
  model: AdviceModel,
  shares: LoadShares,
  side: 'attention' | 'ffn',
  stragglers: readonly Straggler[],
): Candidate | null {
  const loaded = excessBy(stragglers, ({ loadRatio }) => loadRatio);
  const [worst] = loaded;
  const medianNs = stragglers[0]!.medianNs!;
  if (worst === undefined || worst.ns <= 0) return null;
  const share = shares[side].share;
  const workers = side === 'attention' ? model.attention : model.ffn;
  // What the loaded ones have too much is spread over all.
  const moreLoad = loaded.reduce((sum, { ns }) => sum + ns / medianNs / Math.max(share, 0.05), 0);
  const meanNs = medianNs * (loadFactor(share, 1 + moreLoad / workers, 1) - 1);
  const savedNs = worst.ns - meanNs;
  if (!(savedNs > 0)) return null;
  const isFfn = side === 'ffn';
  return {
    kind: isFfn ? 'level-experts' : 'level-contexts',
    change: isFfn
      ? `routed tokens even over the FFN workers (${worst.worker} has most)`
      : `contexts even over the attention workers (${worst.worker} has most)`,
    model: lessOn(side, savedNs, usualExcessNs(model, side)),
    ...(isFfn ? { set: ['experts=level'] } : {}),
    scales: side,
    assumes: 'All tokens stay; what one worker has too much, all others share.',
    size: 1,
  };
}

/**
 * The slowest worker's lasting excess is gone. Jitter, which it hid, is then felt on the way through a
 * layer, where nothing buffers it.
 */
function lessOn(side: 'attention' | 'ffn', ns: number, jitterNs: number): ModelChange {
  const serialNs = Math.max(0, ns - jitterNs);
  return side === 'attention'
    ? { attentionNs: -ns, attentionSerialNs: -serialNs }
    : { ffnNs: -ns, ffnSerialNs: -serialNs };
}

/** How far the slowest of equal workers lies over the median. */
function usualExcessNs(model: AdviceModel, side: 'attention' | 'ffn'): number {
  return side === 'attention'
    ? meanOf(model, model.terms.taNs) * model.attentionSpread * slowestOf(model.attention)
    : meanOf(model, model.terms.tfNs) * model.ffnSpread * slowestOf(model.ffn);
}

/** Over layers. */
function meanOf(model: AdviceModel, times: Float64Array): number {
  return model.layers.reduce((sum, g) => sum + times[g]!, 0) / model.layers.length;
}

/** Whole numbers from `from` to `to`, at most `MAX_RATIOS` of them. */
function counts(from: number, to: number): number[] {
  const every = Math.max(1, Math.ceil((to - from + 1) / MAX_RATIOS));
  const found: number[] = [];
  for (let count = Math.max(1, from); count <= to; count += every) found.push(count);
  return found;
}
