/**
 * The verdict as a sentence of at most two lines, in pieces: plain words, strong words, and nouns
 * that lead to evidence.
 *
 *     Attention-bound. FFN GPUs wait 33 % of their active time; attention/5 is 30 % slow and …
 *     └ /balance                    └ #strip                     └ /stragglers?worker=…
 *     → Check its device: an even group would shorten the layer by 23 %.
 *       └ what to do: the culprit first, since advice on the split would only make up for it
 */
import type { HangJson } from '#lib/api/hangs.ts';
import type { Culprit, HotExpert, SlowWorker } from './culprit.ts';
import { durationFigure, figureText, instantText } from './format.ts';
import { placeText } from './hang-chain.ts';
import { remedyPieces } from './remedy-text.ts';
import type { BoundName, Confidence, GroupWait, Judged, Verdict } from './verdict.ts';
import { type Evidence, percent, roleName, type VerdictPiece } from './verdict-piece.ts';

export interface VerdictSentence {
  readonly pieces: readonly VerdictPiece[];
  readonly severity: 'critical' | 'plain';
  /** How sure, in one word, and why. */
  readonly confidence: { readonly word: string; readonly title: string } | null;
}

const BOUND_WORDS: Readonly<Record<BoundName, string>> = {
  'attention-bound': 'Attention-bound.',
  'ffn-bound': 'FFN-bound.',
  'network-bound': 'Network-bound.',
  'latency-bound': 'Latency-bound.',
};

const CONFIDENCE: Readonly<Record<Confidence, { readonly word: string; readonly title: string }>> =
  {
    early: { word: 'early', title: 'Fewer than five steps in the window: wait a few seconds.' },
    clear: { word: 'clear', title: 'The bound is more than 5 % ahead of the next side.' },
    close: {
      word: 'close',
      title: 'Attention and FFN take nearly the same time per layer: the bound may flip.',
    },
    clocks: {
      word: 'clocks disagree',
      title:
        'The hosts’ clocks cannot be brought in order at some times: what lies across hosts is a guess there.',
    },
    partial: {
      word: 'partial',
      title:
        'Spans are missing: workers told nothing of over 2 % of the keys, or over a tenth of the waiting is explained by no event.',
    },
  };

/** Causes from this share of a group's waiting on are named in the sentence. */
const MAIN_CAUSE_RATIO = 0.5;

/** Time of day as the reader's clock shows it; the whole instant for the hover. */
export type ClockText = (unixNs: string) => { readonly text: string; readonly title: string };

/** `clock`: how instants are written; default: time of day in this process's zone. */
export function verdictSentence(verdict: Verdict, clock: ClockText = clockText): VerdictSentence {
  if (verdict.kind === 'no-data') {
    return {
      pieces: [{ text: 'No steps in this window.', strong: true }],
      severity: 'plain',
      confidence: null,
    };
  }
  if (verdict.kind === 'hung') {
    return { pieces: hungPieces(verdict.hang, clock), severity: 'critical', confidence: null };
  }
  const head = verdict.kind === 'healthy' ? healthyPieces(verdict) : boundPieces(verdict);
  return {
    pieces: [...head, ...notePieces(verdict, clock), ...remedyPieces(verdict)],
    severity: 'plain',
    confidence: CONFIDENCE[verdict.confidence],
  };
}

function hungPieces(hang: HangJson, clock: ClockText): VerdictPiece[] {
  const since = clock(hang.sinceUnixNs);
  const evidence: Evidence = { path: '/stragglers', change: { worker: hang.worker } };
  const others: VerdictPiece[] =
    hang.waiting === 0
      ? [{ text: '.' }]
      : [
          { text: '; ' },
          {
            text: `${hang.waiting} ${hang.waiting === 1 ? 'worker waits' : 'workers wait'} for it`,
            evidence,
          },
          { text: '.' },
        ];
  if (hang.kind === 'silent') {
    return [
      { text: 'Silent: ', strong: true },
      { text: hang.worker ?? 'a worker', strong: true, evidence },
      { text: ` sends no events since ${since.text}`, title: since.title },
      ...others,
      { text: ' → Look at its process, its host, and its exporter.' },
    ];
  }
  if (hang.worker === null) {
    return [
      { text: 'Hung: ', strong: true },
      { text: `nobody made progress since ${since.text}`, title: since.title, evidence },
      { text: `, in step ${hang.step}; no worker stands out as the first.` },
    ];
  }
  const next = hang.workers.find(({ worker }) => worker === hang.worker)?.next ?? null;
  const place = next === null ? '' : ` (${placeText(next)})`;
  return [
    { text: 'Hung: ', strong: true },
    { text: hang.worker, strong: true, evidence },
    {
      text:
        hang.reason === 'no-receive'
          ? ` received nothing since ${since.text}${place}`
          : ` made no progress since ${since.text}${place}`,
      title: since.title,
    },
    ...others,
    {
      text:
        hang.reason === 'no-receive'
          ? ' → Look at its network first, then at its process.'
          : ' → It has its input: look at its process and its GPU.',
    },
  ];
}

function healthyPieces(verdict: Judged): VerdictPiece[] {
  const worst = verdict.waits[0]!;
  const pieces: VerdictPiece[] = [
    { text: 'Healthy.', strong: true },
    { text: ' No group is idle for more than ' },
    {
      text: `${percent(worst.activeBubbleRatio)} of its active time`,
      evidence: { anchor: 'groups' },
      title: `${roleName(worst)} has the largest bubble. ${causesTitle(worst)}`,
    },
  ];
  if (verdict.bound !== null) {
    pieces.push({ text: '; the layer is ' });
    pieces.push({ text: verdict.bound, evidence: { path: '/balance' } });
  } else if (!verdict.isDisaggregated) {
    pieces.push({ text: '; not disaggregated' });
  }
  pieces.push({ text: '.' });
  return pieces;
}

function boundPieces(verdict: Judged): VerdictPiece[] {
  const head: VerdictPiece =
    verdict.bound !== null
      ? { text: BOUND_WORDS[verdict.bound], strong: true, evidence: { path: '/balance' } }
      : {
          text: verdict.kind === 'unknown' ? 'Bound unknown.' : 'Not disaggregated.',
          strong: true,
        };
  const worst = verdict.waits[0];
  const culprit = verdict.culprit === null ? [] : culpritPieces(verdict.culprit);
  if (worst === undefined) return [head, { text: ' ' }, ...culprit, { text: '.' }];
  // A slow worker waits least: those who wait are the others of its group.
  const others = isOfGroup(verdict.culprit, worst) ? 'Other ' : '';
  return [
    head,
    { text: ` ${others}${roleName(worst)} GPUs wait ` },
    {
      text: percent(worst.activeBubbleRatio),
      strong: true,
      evidence: { anchor: 'strip' },
      title: causesTitle(worst),
    },
    {
      text: ' of their active time',
      title: 'Active: a step was in flight and the worker’s events were seen.',
    },
    ...(culprit.length === 0 ? mainCause(worst) : [{ text: '; ' }, ...culprit]),
    { text: '.' },
  ];
}

function isOfGroup(culprit: Culprit | null, wait: GroupWait): boolean {
  if (culprit?.kind === 'straggler') return culprit.role === wait.role;
  return culprit?.kind === 'hot-expert' && wait.role === 'ffn';
}

/** `, mostly for peer compute`: said where nobody is to blame. */
function mainCause(wait: GroupWait): VerdictPiece[] {
  const [main] = wait.causes;
  const causedRatio = wait.causes.reduce((sum, { ratio }) => sum + ratio, 0);
  if (main === undefined || main.ratio < causedRatio * MAIN_CAUSE_RATIO) return [];
  if (main.look.name === 'unknownNs') return [];
  return [
    { text: ', mostly for ' },
    {
      text: main.look.label,
      evidence: { path: '/stragglers', change: { cause: main.look.name } },
      title: causesTitle(wait),
    },
  ];
}

function culpritPieces(culprit: Culprit): VerdictPiece[] {
  switch (culprit.kind) {
    case 'straggler':
      return stragglerPieces(culprit);
    case 'hot-expert':
      return hotExpertPieces(culprit);
    case 'tail':
      return [
        {
          text: `a layer takes ${percent(culprit.gapRatio)} over its ideal`,
          evidence: { path: '/layers', change: { sort: '-periodNs' } },
          title: 'Measured over ideal period. The ideal is made of medians: it knows no tails.',
        },
      ];
    case 'host':
      return [
        {
          text: `${roleName(culprit)} GPUs stand still for host work in ${percent(culprit.ratio)} of it`,
          evidence: { anchor: 'groups' },
          title: 'Host share of active time: scheduling, launching, control metadata.',
        },
      ];
  }
}

function stragglerPieces(slow: SlowWorker): VerdictPiece[] {
  const { workerId, excessRatio, loadRatio, cause, role } = slow;
  const load = role === 'ffn' ? 'routed tokens' : 'long contexts';
  const share =
    loadRatio === null || cause === 'device'
      ? ''
      : cause === 'load'
        ? `, all of it ${load}`
        : `, ${percent(loadRatio)} of it ${load}`;
  const hidden = slow.isBinding ? '' : ', hidden by the bound so far';
  return [
    {
      text: workerId,
      evidence: { path: '/stragglers', change: { worker: workerId } },
      title: `Over the median of its group${slow.stage === null ? '' : `, stage ${slow.stage}`}.`,
    },
    {
      text: `${slow.isComm ? '’s transfers are' : ' is'} ${percent(excessRatio)} slow${share}${hidden}`,
    },
  ];
}

function hotExpertPieces(hot: HotExpert): VerdictPiece[] {
  const layers = hot.layers === null ? '' : ` in layers ${hot.layers.from}–${hot.layers.to}`;
  return [
    {
      text: hot.workerId,
      evidence: { path: '/experts', change: { worker: hot.workerId } },
      title: 'Routed tokens over the mean of its group.',
    },
    {
      text: ` gets ${hot.tokensRatio.toFixed(1)} times the mean tokens${layers}${hot.expert >= 0 ? `, most for expert ${hot.expert}` : ''}${hot.isBinding ? '' : ', hidden by the bound so far'}`,
    },
  ];
}

/** What is worth a word beside the culprit. */
function notePieces(verdict: Judged, clock: ClockText): VerdictPiece[] {
  const { pastHang } = verdict;
  if (pastHang !== null) {
    const at = clock(pastHang.sinceUnixNs);
    return [
      { text: ' ' },
      {
        text: pastHang.worker ?? 'Everybody',
        evidence: { path: '/stragglers', change: { worker: pastHang.worker } },
      },
      {
        text: ` ${pastHang.kind === 'silent' ? 'was silent' : 'hung'} for ${figureText(durationFigure(pastHang.durationNs))} at ${at.text}.`,
        title: at.title,
      },
    ];
  }
  if (verdict.isRoutingForced) {
    return [
      { text: ' ' },
      {
        text: 'Routing looks forced',
        evidence: { path: '/experts' },
        title: 'Experts get equal tokens, to the token: a benchmark’s switch, not traffic.',
      },
      { text: '.' },
    ];
  }
  if (verdict.culprit !== null) return [];
  const { measuredPeriodNs, idealPeriodNs } = verdict;
  if (measuredPeriodNs === null || idealPeriodNs === null) return [];
  return [
    { text: ' A layer takes ' },
    {
      text: figureText(durationFigure(measuredPeriodNs)),
      evidence: { path: '/layers' },
      title: `Measured period: ${durationFigure(measuredPeriodNs).exact}`,
    },
    {
      text: `, ${measuredPeriodNs <= idealPeriodNs ? 'within its ideal' : 'ideally'} ${figureText(durationFigure(idealPeriodNs))}.`,
    },
  ];
}

function causesTitle({ causes }: GroupWait): string {
  if (causes.length === 0) return 'Bubble over active time.';
  return `Of active time: ${causes
    .filter(({ ratio }) => ratio >= 0.001)
    .map(({ look, ratio }) => `${percent(ratio)} ${look.label}`)
    .join(', ')}.`;
}

function clockText(unixNs: string): { readonly text: string; readonly title: string } {
  const { local, utc } = instantText(Number(BigInt(unixNs) / 1_000_000n));
  return { text: local.slice(11), title: utc };
}
