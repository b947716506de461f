/** How the routed tokens of an FFN worker spread over its experts: one by one, or in outline. */
import type { Random } from '#lib/base/random.ts';
import type { Measure } from '#lib/table/event-table.ts';

export interface ExpertLoad {
  readonly measures: Partial<Record<Measure, number>>;
  /** Tokens of each of the worker's experts; absent: only the outline is known. */
  readonly tokens?: readonly number[];
}

/** Of the worker's experts, the one that is popular where one is. */
export const HOT_EXPERT = 3;

/** `surplus` of the `routed` tokens are one expert's, the others spread like Poisson counts. */
export function expertOutline(routed: number, experts: number, surplus: number): ExpertLoad {
  const even = (routed - surplus) / experts;
  // The largest of n Poisson counts lies about sqrt(2 ln n) deviations above their mean.
  const largest = even + Math.sqrt(even * 2 * Math.log(Math.max(1, experts)));
  return {
    measures: {
      tokens: routed,
      expertsActive: Math.min(
        routed,
        Math.round(experts * (1 - Math.exp(-even))) || Math.min(1, routed),
      ),
      expertsMaxTokens: Math.min(routed, Math.round(largest + surplus)),
      expertsMeanTokens: routed / experts,
    },
  };
}

/** The same, drawn: the counts add up to `routed`, and the measures are theirs. */
export function expertList(
  routed: number,
  experts: number,
  surplus: number,
  random: Random,
): ExpertLoad {
  const hot = Math.min(routed, Math.round(surplus));
  const even = (routed - hot) / experts;
  const shares = Array.from({ length: experts }, () =>
    Math.max(0, even + Math.sqrt(even) * random.gaussian()),
  );
  const scale = (routed - hot) / Math.max(1e-9, sum(shares));
  // Rounding the running sum keeps the total.
  let reached = 0;
  const tokens = shares.map((share) => {
    const before = Math.round(reached);
    reached += share * scale;
    return Math.round(reached) - before;
  });
  const popular = HOT_EXPERT % experts;
  // The last digits of the running sum may be off.
  tokens[popular] = tokens[popular]! + routed - sum(tokens);
  return {
    measures: {
      tokens: routed,
      expertsActive: tokens.filter((count) => count > 0).length,
      expertsMaxTokens: Math.max(...tokens),
      expertsMeanTokens: routed / experts,
    },
    tokens,
  };
}

function sum(values: readonly number[]): number {
  return values.reduce((total, value) => total + value, 0);
}
