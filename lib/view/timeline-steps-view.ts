/** The steps of a window as a list with bars, and the target that they are held to. */
import type { TimelineStep } from '#lib/api/timeline-steps.ts';
import { durationFigure, figureText } from './format.ts';
import type { TimelineStepChoice } from './timeline-selection.ts';

export interface StepRow {
  readonly key: string;
  readonly choice: TimelineStepChoice;
  readonly step: TimelineStep;
  /** Of the longest in the list. */
  readonly widthRatio: number;
  /** Where the target lies on the same scale; null: beyond it, or there is none. */
  readonly targetRatio: number | null;
  readonly isOver: boolean;
  /** `1,536 tokens`; null: not known. */
  readonly tokens: string | null;
  readonly isCurrent: boolean;
}

export function stepChoice({
  domain,
  step,
  startUnixNs,
  durationNs,
}: TimelineStep): TimelineStepChoice {
  return { domain, step, startUnixNs: BigInt(startUnixNs), durationNs };
}

export function stepRows(
  steps: readonly TimelineStep[],
  targetNs: number | null,
  current: Pick<TimelineStepChoice, 'domain' | 'step'> | null,
): readonly StepRow[] {
  const longestNs = Math.max(1, ...steps.map(({ durationNs }) => durationNs));
  return steps.map((step) => ({
    key: `${step.domain} ${step.step} ${step.startUnixNs}`,
    choice: stepChoice(step),
    step,
    widthRatio: step.durationNs / longestNs,
    targetRatio: targetNs === null || targetNs > longestNs ? null : targetNs / longestNs,
    isOver: targetNs !== null && step.durationNs > targetNs,
    tokens: step.tokens === null ? null : tokensText(step.tokens),
    isCurrent: current !== null && current.domain === step.domain && current.step === step.step,
  }));
}

function tokensText(tokens: number): string {
  return `${tokens.toLocaleString('en-US')} ${tokens === 1 ? 'token' : 'tokens'}`;
}

/** `step 1,234`, with its domain where there are several. */
export function stepName(
  { domain, step }: Pick<TimelineStep, 'domain' | 'step'>,
  hasDomains: boolean,
): string {
  const number = step.toLocaleString('en-US');
  return hasDomains ? `domain ${domain}, step ${number}` : `step ${number}`;
}

/** How many steps there are, and how many break the target. */
export function stepsSummary(
  {
    total,
    over,
    overNs,
  }: { readonly total: number; readonly over: number; readonly overNs: number | null },
  shown: number,
): string {
  const counted = `${total.toLocaleString('en-US')} ${total === 1 ? 'step' : 'steps'}`;
  if (overNs === null) return shown < total ? `${shown} of ${counted}` : counted;
  const limit = figureText(durationFigure(overNs));
  return `${over.toLocaleString('en-US')} of ${counted} over ${limit}${shown < over ? `, ${shown} listed` : ''}`;
}

const MAX_TARGET_MS = 3_600_000;

/** Milliseconds as somebody types them; null: no target. */
export function parseTargetMs(text: string | null): number | null {
  const match = /^(\d{1,7}(?:\.\d{1,6})?)(?:\s*ms)?$/.exec(text?.trim() ?? '');
  if (match === null) return null;
  const ms = Number(match[1]);
  return ms > 0 && ms <= MAX_TARGET_MS ? ms : null;
}

/** Up and down by a millisecond, below ten by a tenth. */
export function steppedTargetMs(ms: number | null, direction: 1 | -1): number {
  if (ms === null) return 50;
  const by = ms > 10 || (ms === 10 && direction === 1) ? 1 : 0.1;
  return Math.max(0.1, Math.round((ms + direction * by) * 10) / 10);
}
