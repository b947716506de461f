/** The verdict as a sentence, in pieces: plain words, strong words, and nouns that lead to evidence. */
import { durationFigure, figureText } from './format.ts';
import { type BoundName, type GroupWait, HOST_RATIO, isBinding, type Verdict } from './verdict.ts';

/** Where a noun of the sentence leads. */
export type EvidenceTarget = 'groups' | 'strip' | 'heat' | 'layers' | 'trends';

export interface VerdictPiece {
  readonly text: string;
  readonly strong?: boolean;
  readonly target?: EvidenceTarget;
  /** The exact figure or the reason, for the hover. */
  readonly title?: string;
}

export interface VerdictSentence {
  readonly pieces: readonly VerdictPiece[];
  /** How sure, in one word, and why. */
  readonly confidence: { readonly word: string; readonly title: string } | null;
}

const BOUND_WORDS: Readonly<Record<BoundName, string>> = {
  'attention-bound': 'Attention-bound.',
  'ffn-bound': 'FFN-bound.',
  'network-bound': 'Network-bound.',
  'latency-bound': 'Latency-bound.',
};

const REMEDIES: Readonly<Record<BoundName, string>> = {
  'attention-bound': 'More attention GPUs per FFN GPU would shorten the layer',
  'ffn-bound': 'More FFN GPUs per attention GPU would shorten the layer',
  'network-bound': 'Faster or fewer transfers would shorten the layer; more GPUs would not',
  'latency-bound': 'More micro-batches would hide the round trip',
};

const CONFIDENCE: Readonly<
  Record<'early' | 'clear' | 'close', { readonly word: string; readonly title: string }>
> = {
  early: { word: 'early', title: 'Fewer than five steps in the window: wait a few seconds.' },
  clear: { word: 'clear', title: 'The bound is more than 5 % ahead of the next side.' },
  close: {
    word: 'close',
    title: 'Attention and FFN take nearly the same time per layer: the bound may flip.',
  },
};

export function verdictSentence(verdict: Verdict): VerdictSentence {
  if (verdict.kind === 'no-data') {
    return {
      pieces: [{ text: 'No steps in this window.', strong: true }],
      confidence: null,
    };
  }
  const pieces: VerdictPiece[] = [];
  if (verdict.kind === 'healthy') {
    pieces.push({ text: 'Healthy.', strong: true });
    const worst = verdict.waits[0]!;
    pieces.push({ text: ' No group is idle for more than ' });
    pieces.push({
      text: `${percent(worst.activeBubbleRatio)} of its active time`,
      target: 'groups',
      title: `${roleName(worst)} has the largest bubble.`,
    });
    if (verdict.bound !== null) {
      pieces.push({ text: '; the layer is ' });
      pieces.push({ text: verdict.bound, target: 'layers' });
    } else if (!verdict.isDisaggregated) {
      pieces.push({ text: '; not disaggregated' });
    }
    pieces.push({ text: '.' });
  } else {
    pieces.push({
      text:
        verdict.bound !== null
          ? BOUND_WORDS[verdict.bound]
          : verdict.kind === 'unknown'
            ? 'Bound unknown.'
            : 'Not disaggregated.',
      strong: true,
    });
    const worst = verdict.waits[0];
    if (worst !== undefined) {
      pieces.push({ text: ` ${roleName(worst)} GPUs idle for ` });
      pieces.push({
        text: percent(worst.activeBubbleRatio),
        strong: true,
        target: 'strip',
        title: waitTitle(worst),
      });
      pieces.push({
        text: ' of their active time.',
        title: 'Active: a step was in flight and the worker’s events were seen.',
      });
    }
  }
  pieces.push(...slowPieces(verdict), ...periodPieces(verdict), ...remedyPieces(verdict));
  return { pieces, confidence: CONFIDENCE[verdict.confidence] };
}

type Judged = Exclude<Verdict, { kind: 'no-data' }>;

function slowPieces(verdict: Judged): VerdictPiece[] {
  if (verdict.slow === null) return [];
  const isWaitedFor = isBinding(verdict.slow, verdict.bound);
  return [
    { text: ' ' },
    { text: verdict.slow.workerId, target: 'heat' },
    {
      text: ` computes ${percent(verdict.slow.excessRatio)} longer than its group${isWaitedFor ? '; everyone waits for it.' : ', hidden by the bound so far.'}`,
    },
  ];
}

function periodPieces(verdict: Judged): VerdictPiece[] {
  // Two lines at most: what is wrong comes before the period, which stands below anyway.
  if (verdict.measuredPeriodNs === null || verdict.idealPeriodNs === null) return [];
  if (verdict.kind === 'bounded' && verdict.slow !== null) return [];
  return [
    { text: ' A layer takes ' },
    {
      text: figureText(durationFigure(verdict.measuredPeriodNs)),
      target: 'layers',
      title: `Measured period: ${durationFigure(verdict.measuredPeriodNs).exact}`,
    },
    {
      text: `, ${verdict.measuredPeriodNs <= verdict.idealPeriodNs ? 'within its ideal' : 'ideally'} ${figureText(durationFigure(verdict.idealPeriodNs))}.`,
    },
  ];
}

function remedyPieces(verdict: Judged): VerdictPiece[] {
  if (verdict.advice !== null) {
    const { change, gain, low, high, assumes } = verdict.advice;
    const spread = Math.max(gain - low, high - gain);
    return [
      { text: ` → ${change} would give about ` },
      {
        text: `+${percent(gain)} ± ${percent(spread)}`,
        strong: true,
        title: `Between ${percent(low)} and ${percent(high)}. Assumes: ${assumes}`,
      },
      { text: ' tokens/s per GPU.' },
    ];
  }
  if (verdict.kind === 'unknown') {
    return [
      {
        text:
          verdict.exactness === 'rollup'
            ? ' → Choose a shorter window to see the bound: this one is answered from rollups.'
            : ' No layer was seen whole on both sides, which the bound needs.',
      },
    ];
  }
  if (verdict.kind !== 'bounded' || verdict.bound === null) return [];
  const { slow } = verdict;
  const isUneven = slow !== null && isBinding(slow, verdict.bound);
  if (isUneven && (verdict.imbalanceCostRatio ?? 0) > 0.03) {
    return [
      { text: ' → An even group would shorten the layer by ' },
      {
        text: percent(verdict.imbalanceCostRatio ?? 0),
        strong: true,
        title: 'Imbalance cost: the ideal period at the slowest worker minus that at the median.',
      },
      { text: '.' },
    ];
  }
  const { tail } = verdict;
  if (tail !== null) {
    const cause =
      tail.transfer === null
        ? ' comes from stalls or jitter, not from the split; look at the layers and the trends.'
        : ` is jitter, not the split: the slowest ${tail.transfer.name} transfers take ${tail.transfer.p99OverMedian.toFixed(1)} times their median.`;
    return [
      { text: ' → ' },
      {
        text: `${percent(tail.gapRatio)} over the ideal`,
        strong: true,
        target: 'layers',
        title: 'Measured over ideal period. The ideal is made of medians: it knows no tails.',
      },
      { text: cause },
    ];
  }
  const [host] = [...verdict.waits].sort((a, b) => b.hostRatio - a.hostRatio);
  if (host !== undefined && host.hostRatio >= HOST_RATIO) {
    return [
      { text: ` → ${roleName(host)} GPUs stand still for host work in ` },
      {
        text: percent(host.hostRatio),
        strong: true,
        target: 'groups',
        title: 'Host share of active time: scheduling, launching, control metadata.',
      },
      { text: ' of it: shorten that first.' },
    ];
  }
  const needed = verdict.minMicrobatches;
  if (verdict.bound === 'latency-bound' && needed !== null && needed > verdict.microbatches) {
    return [
      { text: ` → ${REMEDIES['latency-bound']}: ` },
      { text: `${needed} instead of ${verdict.microbatches}`, strong: true },
      { text: ' at this size.' },
    ];
  }
  return [{ text: ` → ${REMEDIES[verdict.bound]}.` }];
}

function roleName(wait: Pick<GroupWait, 'group' | 'role'>): string {
  if (wait.role === 'attention') return 'Attention';
  return wait.role === 'ffn' ? 'FFN' : wait.group;
}

function waitTitle(wait: GroupWait): string {
  return `Of active time: ${percent(wait.waitPeerRatio)} waiting for peers, ${percent(wait.exposedTransferRatio)} exposed transfer.`;
}

/** Whole percents above ten, one decimal below: a sentence, not a table. */
function percent(ratio: number): string {
  const value = ratio * 100;
  return `${Math.abs(value) >= 9.95 ? value.toFixed(0) : value.toFixed(1)} %`;
}
