/** The last piece of the verdict: what to do, and what it would bring. */
import type { Culprit, SlowWorker } from './culprit.ts';
import type { AdviceJson, BoundName, Judged } from './verdict.ts';
import { percent, type VerdictPiece } from './verdict-piece.ts';

const REMEDIES: Readonly<Record<BoundName, string>> = {
  'attention-bound': 'More attention GPUs per FFN GPU would shorten the layer',
  'ffn-bound': 'More FFN GPUs per attention GPU would shorten the layer',
  'network-bound': 'Faster or fewer transfers would shorten the layer; more GPUs would not',
  'latency-bound': 'More micro-batches would hide the round trip',
};

/** A smaller gain than this is not worth a move of GPUs. */
const LEAST_GAIN = 0.01;
/** Kinds of advice (lib/analysis/advice-changes.ts); the what-if cannot show the second. */
const LEVEL_EXPERTS = 'level-experts';
const LEVEL_CONTEXTS = 'level-contexts';
/** More than this is no margin. */
const MOST_MARGIN = 0.1;
/** What would read 0.0 %. */
const LEAST_MARGIN = 0.0005;

export function remedyPieces(verdict: Judged): VerdictPiece[] {
  const { culprit } = verdict;
  const advice = verdict.advice[0] ?? null;
  const mend = culprit === null ? [] : mendPieces(verdict, culprit);
  if (mend.length > 0) return mend;
  if (advice !== null && advice.gain >= LEAST_GAIN) return advicePieces(advice);
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
  if (verdict.kind === 'healthy' && verdict.ratioMargin !== null) {
    return marginPieces(verdict.ratioMargin);
  }
  if (verdict.kind !== 'bounded' || verdict.bound === null) return [];
  const needed = verdict.minMicrobatches;
  if (verdict.bound === 'latency-bound' && needed !== null && needed > verdict.microbatches) {
    return [
      { text: ` → ${REMEDIES['latency-bound']}: ` },
      {
        text: `${needed} instead of ${verdict.microbatches}`,
        strong: true,
        evidence: { path: '/balance', change: { set: [`microbatches=${needed}`] } },
      },
      { text: ' at this size.' },
    ];
  }
  if (verdict.ratioMargin !== null) return marginPieces(verdict.ratioMargin);
  return [
    { text: ' → ' },
    { text: REMEDIES[verdict.bound], evidence: { path: '/balance' } },
    { text: '.' },
  ];
}

/**
 * How good the ratio is: what the best other one would bring. A large gain that nobody advises is no
 * praise of the ratio but a doubtful sample, such as a step that hung: nothing is said of it.
 */
function marginPieces(gain: number): VerdictPiece[] {
  if (gain > MOST_MARGIN) return [];
  return [
    { text: ' → ' },
    {
      text: 'No other ratio of these GPUs',
      evidence: { path: '/balance' },
      title: 'By the fitted times of both sides.',
    },
    {
      text: gain < LEAST_MARGIN ? ' would be better.' : ` would bring more than ${percent(gain)}.`,
    },
  ];
}

function advicePieces(advice: AdviceJson): VerdictPiece[] {
  const { change, set } = advice;
  return [
    { text: ' → ' },
    {
      text: change,
      evidence: { path: '/balance', ...(set === undefined ? {} : { change: { set } }) },
    },
    { text: ' would give about ' },
    gainPiece(advice),
    TOKENS_PER_GPU,
  ];
}

/** Advice on the split would only make up for a culprit: it is mended first. [] where it is hidden. */
function mendPieces(verdict: Judged, culprit: Culprit): VerdictPiece[] {
  switch (culprit.kind) {
    case 'straggler':
      return culprit.isBinding
        ? [
            { text: ' → ' },
            ...stragglerMend(culprit),
            // The cost of uneven workers is one of compute: links are the same in it.
            ...(culprit.isComm
              ? [{ text: '.' }]
              : culprit.cause === 'load'
                ? gainPieces(
                    verdict,
                    ({ kind }) =>
                      kind === (culprit.role === 'ffn' ? LEVEL_EXPERTS : LEVEL_CONTEXTS),
                    'an even load',
                  )
                : gainPieces(verdict, isAlone(`fix=${culprit.workerId}`), 'mended, it')),
          ]
        : [];
    case 'hot-expert':
      return culprit.isBinding
        ? [
            { text: ' → ' },
            {
              text: 'Move or replicate its hot experts',
              evidence: { path: '/balance', change: { set: ['experts=level'] } },
              title: 'The what-if shows the steps with the tokens spread evenly.',
            },
            ...gainPieces(verdict, isAlone('experts=level'), 'an even load'),
          ]
        : [];
    case 'tail':
      return [
        {
          text:
            culprit.transfer === null
              ? ' → That is stalls or jitter, not the split; look at the layers and the trends.'
              : ` → That is the network, not the split: the slowest ${culprit.transfer.name} transfers take ${culprit.transfer.p99OverMedian.toFixed(1)} times their median.`,
        },
      ];
    case 'host':
      return [
        {
          text: ' → Shorten that first: scheduling, launches, control metadata.',
        },
      ];
  }
}

function stragglerMend(slow: SlowWorker): VerdictPiece[] {
  const { workerId, role, cause } = slow;
  if (slow.isComm) {
    return [
      {
        text: 'Check its network',
        evidence: { path: '/stragglers', change: { worker: workerId } },
        title: 'NIC, cable, switch port, congestion: it computes as fast as the others.',
      },
    ];
  }
  const set = [`fix=${workerId}`];
  const evidence = { path: '/balance', change: { set } } as const;
  if (cause === 'load') {
    return [
      role === 'ffn'
        ? {
            text: 'Spread its experts',
            evidence: { path: '/experts', change: { worker: workerId } },
          }
        : {
            text: 'Route requests more evenly',
            evidence: { path: '/stragglers', change: { worker: workerId } },
            title: 'Longer contexts or more requests landed here; the device keeps up.',
          },
    ];
  }
  const title = 'The what-if shows the steps with it as fast as the median of its group.';
  return [
    cause === 'device'
      ? { text: 'Check its device, or drain it', evidence, title }
      : {
          text: `${role === 'ffn' ? 'Spread its experts' : 'Route requests more evenly'}, then check its device`,
          evidence,
          title,
        },
  ];
}

/**
 * `: an even load would give +20 % ± 2.0 % tokens/s per GPU.` where the change was predicted; else by
 * how much the layer would be shorter; nothing where it would not.
 */
function gainPieces(
  { advice, imbalanceCostRatio }: Judged,
  /** Is it advice to do what the sentence says? */
  isMend: (advice: AdviceJson) => boolean,
  subject: string,
): VerdictPiece[] {
  const predicted = advice.find(isMend);
  if (predicted !== undefined && predicted.gain >= LEAST_GAIN) {
    return [{ text: `: ${subject} would give ` }, gainPiece(predicted), TOKENS_PER_GPU];
  }
  if (imbalanceCostRatio === null || imbalanceCostRatio < LEAST_GAIN) return [{ text: '.' }];
  return [
    { text: ': an even group would shorten the layer by ' },
    {
      text: percent(imbalanceCostRatio),
      strong: true,
      title: 'Imbalance cost: the ideal period at the slowest worker minus that at the median.',
    },
    { text: '.' },
  ];
}

/** Advice of this one change, as the what-if is told. */
function isAlone(change: string): (advice: AdviceJson) => boolean {
  return ({ set }) => set?.length === 1 && set[0] === change;
}

const TOKENS_PER_GPU: VerdictPiece = { text: ' tokens/s per GPU.' };

function gainPiece({ gain, low, high, assumes }: AdviceJson): VerdictPiece {
  return {
    text: `+${percent(gain)} ± ${percent(Math.max(gain - low, high - gain))}`,
    strong: true,
    title: `Between ${percent(low)} and ${percent(high)}. Assumes: ${assumes}`,
  };
}
