/** The part of the newest data that consists of whole steps. */
import type { Assembled } from '#lib/model/assembled.ts';

/** `[fromNs, toNs)` after the table's base. */
export interface StepWindow {
  readonly fromNs: number;
  readonly toNs: number;
}

/**
 * From the first start to the last end of the whole steps of the busiest domain, of those that start
 * at or after `fromNs` and end by `reportedNs` (up to which all workers have reported). The newest
 * step of a domain does not count while it may go on (`newestMayGoOn`). null: no whole step.
 */
export function wholeSteps(
  assembled: Assembled,
  fromNs: number,
  reportedNs: number,
  newestMayGoOn: boolean,
): StepWindow | null {
  const { steps } = assembled;
  const newest = new Map<number, number>();
  for (let s = 0; s < steps.length; s++) {
    const known = newest.get(steps.domain[s]!);
    if (known === undefined || steps.startNs[s]! > steps.startNs[known]!) {
      newest.set(steps.domain[s]!, s);
    }
  }
  const windows = new Map<number, { count: number; fromNs: number; toNs: number }>();
  for (let s = 0; s < steps.length; s++) {
    const domain = steps.domain[s]!;
    const startNs = steps.startNs[s]!;
    const endNs = steps.endNs[s]!;
    if (startNs < fromNs || endNs > reportedNs || endNs <= startNs) continue;
    if (newestMayGoOn && newest.get(domain) === s) continue;
    const window = windows.get(domain) ?? { count: 0, fromNs: startNs, toNs: endNs };
    windows.set(domain, window);
    window.count++;
    if (startNs < window.fromNs) window.fromNs = startNs;
    if (endNs > window.toNs) window.toNs = endNs;
  }
  let best: { count: number; fromNs: number; toNs: number } | null = null;
  for (const window of windows.values()) {
    if (best === null || window.count > best.count) best = window;
  }
  return best === null ? null : { fromNs: best.fromNs, toNs: best.toNs };
}
