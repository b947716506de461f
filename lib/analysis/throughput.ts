/** Tokens per second, from tokens and the time for which the workers that count them were observed. */
import { NS_PER_S } from '#lib/base/units.ts';

/** Is a worker of this role a data-parallel rank whose tokens are the deployment's output? */
export function countsTokens(role: string): boolean {
  return role === 'attention' || role === 'colocated';
}

/**
 * `observedNs`: one entry a token-counting worker. Tokens are divided by their mean, not by the
 * window: senders that report one step in ten would seem ten times slower than they are. null
 * without tokens or without observed time.
 */
export function tokensPerSecond(
  tokens: number | null,
  observedNs: readonly number[],
): number | null {
  const totalNs = observedNs.reduce((sum, ns) => sum + ns, 0);
  if (tokens === null || totalNs === 0) return null;
  return (tokens * observedNs.length * NS_PER_S) / totalNs;
}

/**
 * Tokens of a step that fall before `edgeNs`, spread evenly over the step and rounded down, so that
 * the differences over consecutive edges are whole and add up to `tokens`.
 */
export function tokensBefore(
  edgeNs: number,
  tokens: number,
  startNs: number,
  endNs: number,
): number {
  if (edgeNs <= startNs) return 0;
  return edgeNs >= endNs ? tokens : Math.floor((tokens * (edgeNs - startNs)) / (endNs - startNs));
}
