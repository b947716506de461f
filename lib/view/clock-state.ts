/** What the Overview and the health page say of clocks, from the report. */
import type { ReportJson } from '#lib/api/report-schema.ts';

export interface ClockState {
  /** The largest error of the domains whose error is known; null: of none. */
  readonly errorNs: number | null;
  /** Domains whose offset is not bound on both sides. */
  readonly unknown: number;
  readonly conflicts: number;
  /** '' where there is nothing to warn of. */
  readonly warning: string;
}

export function clockState({ domains, conflicts, conflictSpans }: ReportJson['clock']): ClockState {
  const errors = domains.map(({ errorNs }) => errorNs).filter((errorNs) => errorNs !== null);
  const unknown = domains.length - errors.length;
  return {
    errorNs: errors.length === 0 ? null : Math.max(...errors),
    unknown,
    conflicts,
    warning: warningOf(unknown, conflicts, conflictSpans?.[0]?.domains ?? []),
  };
}

function warningOf(unknown: number, conflicts: number, worst: readonly string[]): string {
  if (conflicts > 0) {
    const where = worst.length === 0 ? '' : ` (${worst.join(', ')})`;
    return `Clocks contradict each other${where}: a clock was set, or drifts more than clocks do. While they do, the times of one are left as they are.`;
  }
  if (unknown === 0) return '';
  const whose = unknown === 1 ? 'One clock is' : `${unknown} clocks are`;
  return `${whose} not bound by transfers both ways: what lies between its events and others is not known.`;
}
