/**
 * What if: the recorded steps replayed as they are, to show how well the replay reproduces them, and
 * with changes. Where times were scaled by load, intervals hold both ends of the share of time that
 * grows with it.
 */
import { replay } from '#lib/pipeline/replay.ts';
import type { LoadShares } from './load-share.ts';
import { NO_CHANGES, type WhatifChanges } from './whatif-changes.ts';
import {
  drawSteps,
  type Estimate,
  type Figure,
  gainOf,
  meanPeriodNs,
  meanStepNs,
  ratio,
  spreadOf,
  tokenRate,
  tokenRatePerGpu,
} from './whatif-intervals.ts';
import { programOf, type Shares } from './whatif-program.ts';
import type { Recording } from './whatif-recording.ts';
import { measuredSamples, type StepSamples, samplesOf, sum } from './whatif-samples.ts';

export interface Outcome {
  readonly attention: number;
  readonly ffn: number;
  readonly microbatches: number;
  readonly stepNs: Estimate;
  readonly periodNs: Estimate | null;
  readonly tokensPerSecond: Estimate | null;
  readonly tokensPerSecondPerGpu: Estimate | null;
  /** Part of the time in which steps were under way that a worker of the side did not compute. */
  readonly attentionBubble: number;
  readonly ffnBubble: number;
}

export interface Whatif {
  readonly steps: number;
  readonly measured: Outcome;
  readonly replayed: Outcome;
  readonly replayErrorRatio: number;
  readonly reproduces: boolean;
  readonly predicted: Outcome;
  readonly stepGain: Estimate;
  readonly tokensPerSecondPerGpuGain: Estimate | null;
}

/** A replay further off than this does not know this cluster. */
const MAX_REPLAY_ERROR = 0.05;

export function whatif(recording: Recording, changes: WhatifChanges, shares: LoadShares): Whatif {
  const mid = { attention: shares.attention.share, ffn: shares.ffn.share };
  const unchanged = programOf(recording, NO_CHANGES, mid);
  const measured = measuredSamples(recording, unchanged);
  const replayed = samplesOf(unchanged, replay(unchanged.program), recording);
  const isChanged = !isNothing(changes);
  const play = (at: Shares): StepSamples => {
    const program = programOf(recording, changes, at);
    return samplesOf(program, replay(program.program), recording);
  };
  const predicted = isChanged ? play(mid) : replayed;
  const ends =
    isChanged && (scalesAttention(changes) || scalesFfn(recording, changes))
      ? shareEnds(shares).map(play)
      : [];
  const draws = drawSteps(measured.stepNs.length);
  const replayErrorRatio = ratio(sum(replayed.stepNs), sum(measured.stepNs)) - 1;
  const variants = [predicted, ...ends];
  return {
    steps: measured.stepNs.length,
    measured: outcomeOf(measured, [measured], draws, 0),
    replayed: outcomeOf(replayed, [replayed], draws, 0),
    replayErrorRatio,
    reproduces: Math.abs(replayErrorRatio) <= MAX_REPLAY_ERROR,
    predicted: outcomeOf(predicted, variants, draws, Math.abs(replayErrorRatio)),
    stepGain: gainOf(variants, replayed, draws, meanStepNs)!,
    tokensPerSecondPerGpuGain: gainOf(variants, replayed, draws, tokenRatePerGpu),
  };
}

export function isNothing(changes: WhatifChanges): boolean {
  return (
    changes.attention === null &&
    changes.microbatches === null &&
    changes.batch === 1 &&
    changes.network === 1 &&
    changes.fixed.length === 0 &&
    !changes.levelExperts &&
    changes.stages.size === 0
  );
}

/** Does attention time depend on how it grows with the load? */
export function scalesAttention(changes: WhatifChanges): boolean {
  return changes.batch !== 1;
}

export function scalesFfn({ ffn, domains }: Recording, changes: WhatifChanges): boolean {
  if (changes.batch !== 1 || changes.levelExperts) return true;
  if (changes.attention === null) return false;
  const attention = domains.reduce((total, domain) => total + domain.attentionIds.length, 0);
  return changes.attention * ffn.length !== (changes.ffn ?? ffn.length) * attention;
}

function shareEnds({ attention, ffn }: LoadShares): Shares[] {
  return [
    { attention: attention.low, ffn: ffn.low },
    { attention: attention.high, ffn: ffn.high },
  ];
}

function outcomeOf(
  samples: StepSamples,
  variants: readonly StepSamples[],
  draws: readonly Int32Array[],
  errorRatio: number,
): Outcome {
  const estimate = (figure: Figure): Estimate | null => {
    const found = spreadOf(variants, draws, (variant, steps) => figure(variant, steps));
    return found === null
      ? null
      : {
          value: found.value,
          low: found.low * (1 - errorRatio),
          high: found.high * (1 + errorRatio),
        };
  };
  const { attention, ffn, microbatches, attentionBubble, ffnBubble } = samples;
  return {
    attention,
    ffn,
    microbatches,
    stepNs: estimate(meanStepNs)!,
    periodNs: estimate(meanPeriodNs),
    tokensPerSecond: estimate(tokenRate),
    tokensPerSecondPerGpu: estimate(tokenRatePerGpu),
    attentionBubble,
    ffnBubble,
  };
}
