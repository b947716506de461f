/** One or two sentences: how much slower or faster B's steps are, what of, and at which price. */
import { isDifferent } from './compare-changes.ts';
import { MIN_STEPS } from './compare-contrast.ts';
import type { Change, ComparedFigure, Verdict } from './compare-types.ts';
import { causeWords, nsText, percentText, signedPercent } from './compare-words.ts';

/** Causes that are named; those of less than a part of the largest are not. */
const MAX_CAUSES = 2;
const WORTH_NAMING = 0.25;

export function verdictOf(
  headline: readonly ComparedFigure[],
  changes: readonly Change[],
  shape: readonly string[],
): Verdict {
  const step = headline.find(({ id }) => id === 'stepNs');
  if (step === undefined || step.stepsA === 0 || step.stepsB === 0) {
    const empty = [step?.stepsA ? [] : ['A'], step?.stepsB ? [] : ['B']].flat().join(' and ');
    const sentence = `Nothing can be compared: no whole step of ${empty} lies in the window.`;
    return { sentence, direction: 'unknown', stepChange: null };
  }
  if (step.relative === null || step.shift === null) {
    const sentence = `Too few steps to tell: ${step.stepsA} of A, ${step.stepsB} of B, at least ${MIN_STEPS} independent ones of each are needed. A step took ${nsText(step.a!)} in A, ${nsText(step.b!)} in B.`;
    return { sentence, direction: 'unknown', stepChange: null };
  }
  const { value, low, high } = step.relative;
  if (!isDifferent(step)) {
    const others = headline.filter((one) => one.id !== 'stepNs' && isDifferent(one)).length;
    const but =
      others === 0 ? '' : ` ${others} other ${others === 1 ? 'figure differs' : 'figures differ'}.`;
    const range = `${signedPercent(low)} to ${signedPercent(high)}`;
    const sentence = `No difference in the time per step: B is within ${range} of A.${but}`;
    return { sentence, direction: 'same', stepChange: step.relative };
  }
  const slower = value > 0 || (value === 0 && step.effect! > 0);
  const size = `${percentText(Math.abs(value))} ${slower ? 'slower' : 'faster'} per step (± ${percentText((high - low) / 2)})`;
  const causes = causesOf(changes, slower);
  const because = causes.length === 0 ? '.' : `: ${causes.join('; ')}.`;
  const built = shape.length === 0 ? '' : ` B has ${shape.join(', ')}.`;
  const sentence = `B is ${size}${because}${built}${priceWords(headline)}`;
  return { sentence, direction: slower ? 'slower' : 'faster', stepChange: step.relative };
}

function causesOf(changes: readonly Change[], slower: boolean): string[] {
  const sameWay = changes.filter(
    (change) => change.contributionNs > 0 === slower && isDifferent(change.onPath),
  );
  const largest = Math.abs(sameWay[0]?.contributionNs ?? 0);
  return sameWay
    .filter(({ contributionNs }) => Math.abs(contributionNs) >= WORTH_NAMING * largest)
    .slice(0, MAX_CAUSES)
    .map((change) =>
      causeWords({
        ...change,
        durationShiftNs:
          change.duration !== null && isDifferent(change.duration)
            ? change.duration.shift!.value
            : null,
        significant: true,
      }),
    );
}

/** A slower step that carries more is not worse. */
function priceWords(headline: readonly ComparedFigure[]): string {
  const rank = headline.find(({ id }) => id === 'tokensPerRank');
  const perGpu = headline.find(({ id }) => id === 'tokensPerSecondPerGpu');
  if (perGpu?.relative == null || !isDifferent(perGpu)) return '';
  const more = perGpu.relative.value > 0;
  const carried =
    rank?.relative != null && isDifferent(rank)
      ? `Its steps carry ${percentText(Math.abs(rank.relative.value))} ${rank.relative.value > 0 ? 'more' : 'fewer'} tokens per rank; `
      : '';
  const amount = percentText(Math.abs(perGpu.relative.value));
  const sentence = `tokens per second and GPU are ${amount} ${more ? 'higher' : 'lower'}.`;
  const whole = carried === '' ? `T${sentence.slice(1)}` : carried + sentence;
  return ` ${whole}`;
}
