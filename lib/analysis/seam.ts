/**
 * Where two threads share a window, each reads only a little beyond the instant at which they meet.
 * That is enough if every step that a side uses ends within what the side has read, and if it has
 * the neighbours of its steps; both sides together can tell.
 *
 *     first    ──────────────────┼────┤ margin
 *     second              margin ├────┼──────────────────
 *     steps        ├──┤├──┤├──┤├─┼┤├──┤├──┤
 */
import { NO_DATA_GAP_NS } from '#lib/model/assembled.ts';

/** Steps of one side; times are after the instant at which the sides meet. */
export interface SideSteps {
  readonly domain: Float64Array;
  readonly step: Float64Array;
  readonly startNs: Float64Array;
  readonly endNs: Float64Array;
  /** 1: the side's figures are made of it. */
  readonly used: Uint8Array;
}

/** Does each side have all of what it uses? `marginNs`: how far it has read beyond the seam. */
export function seamHolds(first: SideSteps, second: SideSteps, marginNs: number): boolean {
  return (
    hasAll(first, second, (_, end) => end < marginNs) &&
    hasAll(second, first, (start) => start > -marginNs)
  );
}

/** Steps may come out of order, so a neighbour may be missing on either side of a step. */
function hasAll(
  own: SideSteps,
  other: SideSteps,
  isRead: (startNs: number, endNs: number) => boolean,
): boolean {
  const ownOf = indexSteps(own);
  const otherOf = indexSteps(other);
  for (let i = 0; i < own.step.length; i++) {
    if (own.used[i] === 0) continue;
    const domain = own.domain[i]!;
    const step = own.step[i]!;
    const same = otherOf(domain, step);
    const startNs = same < 0 ? own.startNs[i]! : Math.min(own.startNs[i]!, other.startNs[same]!);
    const endNs = same < 0 ? own.endNs[i]! : Math.max(own.endNs[i]!, other.endNs[same]!);
    if (!isRead(startNs, endNs)) return false;
    for (const number of [step - 1, step + 1]) {
      const missing = ownOf(domain, number) < 0 ? otherOf(domain, number) : -1;
      if (missing < 0) continue;
      const pauseNs = Math.max(other.startNs[missing]! - endNs, startNs - other.endNs[missing]!);
      if (pauseNs <= NO_DATA_GAP_NS) return false;
    }
  }
  return true;
}

/** The entry of a step, -1 where the side has nothing of it. */
function indexSteps({ domain, step }: SideSteps): (domain: number, step: number) => number {
  const byDomain = new Map<number, Map<number, number>>();
  for (let i = 0; i < step.length; i++) {
    const byStep = byDomain.get(domain[i]!) ?? new Map<number, number>();
    byDomain.set(domain[i]!, byStep);
    byStep.set(step[i]!, i);
  }
  return (d, s) => byDomain.get(d)?.get(s) ?? -1;
}
