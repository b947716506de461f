/** How long and how often a message is tried. */

export interface Patience {
  /** One try. */
  readonly timeoutMs: number;
  /** From the first failure to the second try; doubles with each. */
  readonly firstRetryMs: number;
  readonly maxRetryMs: number;
  /** A message that says nothing new for so long is given up. */
  readonly giveUpAfterMs: number;
  /** But not before so many tries: a wall clock that jumps ahead, or a long stop, must not end it. */
  readonly leastAttempts: number;
}

export const DEFAULT_PATIENCE: Patience = {
  timeoutMs: 10_000,
  firstRetryMs: 1000,
  maxRetryMs: 300_000,
  giveUpAfterMs: 24 * 3_600_000,
  leastAttempts: 10,
};

/** `random` in [0, 1) spreads the tries of many, so that they do not all come at once. */
export function retryDelayMs(
  attempts: number,
  { firstRetryMs, maxRetryMs }: Patience,
  random: number,
): number {
  const delayMs = Math.min(firstRetryMs * 2 ** Math.min(attempts - 1, 30), maxRetryMs);
  return Math.max(firstRetryMs, Math.round(delayMs * (0.5 + random / 2)));
}
