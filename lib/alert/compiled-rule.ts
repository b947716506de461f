/** A rule with its texts read: done once a rule, not once a second. */
import type { SeriesLabel } from '#lib/api/alert-metrics.ts';
import { type AlertRule, durationMs } from '#lib/api/alert-rules.ts';
import { isSparse } from './metric-kinds.ts';
import { labelsOfMetric } from './report-path.ts';
import { matcherOf, type SeriesTest } from './where.ts';

export interface CompiledRule {
  readonly rule: AlertRule;
  readonly windowMs: number;
  readonly forMs: number;
  readonly keepFiringMs: number;
  readonly overMs: number;
  readonly warmUpMs: number;
  readonly watches: SeriesTest;
  /** null: all labels. */
  readonly by: readonly SeriesLabel[] | null;
  /** Labels that its alerts can be told apart by, beside the deployment: of `by`, or of the metric. */
  readonly seriesLabels: readonly string[];
  readonly isUp: boolean;
  readonly isSparse: boolean;
  /** Is `value` beyond `bound`? */
  readonly isBeyond: (value: number, bound: number) => boolean;
}

const compiled = new WeakMap<AlertRule, CompiledRule>();

export function compileRule(rule: AlertRule): CompiledRule {
  const known = compiled.get(rule);
  if (known !== undefined) return known;
  const made: CompiledRule = {
    rule,
    windowMs: durationMs(rule.window)!,
    // `of_windows` stands in the place of `for`.
    forMs: rule.of_windows === undefined ? durationMs(rule.for)! : 0,
    keepFiringMs: durationMs(rule.keep_firing_for)!,
    overMs: rule.baseline === undefined ? 0 : durationMs(rule.baseline.over)!,
    warmUpMs: rule.baseline === undefined ? 0 : durationMs(rule.baseline.warm_up)!,
    watches: matcherOf(rule.where),
    by: rule.by ?? null,
    seriesLabels: rule.by ?? labelsOfMetric(rule.metric) ?? [],
    isUp: rule.compare === '>' || rule.compare === '>=',
    isSparse: isSparse(rule.metric),
    isBeyond: beyond(rule.compare),
  };
  compiled.set(rule, made);
  return made;
}

function beyond(compare: AlertRule['compare']): CompiledRule['isBeyond'] {
  switch (compare) {
    case '>':
      return (value, bound) => value > bound;
    case '>=':
      return (value, bound) => value >= bound;
    case '<':
      return (value, bound) => value < bound;
    case '<=':
      return (value, bound) => value <= bound;
  }
}
