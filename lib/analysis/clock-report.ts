/** What the report says of clocks: where they are, how sure that is, where they contradict. */
import type { ClockFacts } from '#lib/model/align-events.ts';
import type { ClockConflict, DomainClock } from '#lib/model/clock-alignment.ts';
import type { ClockReport } from './report-types.ts';

/** The deepest conflicts are told one by one; `conflicts` counts all. */
const MAX_CONFLICT_SPANS = 20;

/** A millionth of a ppm is beyond what any clock tells. */
const DRIFT_DIGITS = 1e6;

/**
 * `names`: clock domains of all workers. A single one is its own reference, without error. `facts`:
 * null where all events share one clock; absent where nobody looked.
 */
export function reportClock(
  names: readonly string[],
  facts: ClockFacts | null | undefined,
): ClockReport {
  const domains = [...new Set(names)].sort();
  if (facts === undefined) {
    return {
      referenceDomain: domains[0] ?? null,
      domains: domains.map((domain) => ({ ...UNKNOWN, domain })),
      conflicts: 0,
    };
  }
  const known = new Map(facts?.alignment.domains.map((clock) => [clock.domain, clock]));
  const conflicts = facts?.alignment.conflicts ?? [];
  const alone = domains.length === 1 && !known.has(domains[0]!) ? domains[0]! : null;
  return {
    referenceDomain: facts?.alignment.referenceDomain ?? alone,
    domains: domains.map((domain) => {
      const clock = known.get(domain);
      if (clock !== undefined) return domainReport(clock);
      return domain === alone ? { ...ITS_OWN, domain } : { ...UNKNOWN, domain };
    }),
    conflicts: conflicts.length,
    conflictSpans: conflictSpans(conflicts),
    transfers: facts?.transfers ?? 0,
    violationsBefore: facts?.violationsBefore ?? 0,
    violationsAfter: facts?.violationsAfter ?? 0,
  };
}

const UNKNOWN = { offsetNs: 0, errorNs: null, driftPpm: null } as const;
const ITS_OWN = { offsetNs: 0, errorNs: 0, driftPpm: 0, lowNs: 0, highNs: 0 } as const;

function domainReport(clock: DomainClock): ClockReport['domains'][number] {
  const { domain, offsetNs, errorNs, lowNs, highNs, driftPpm } = clock;
  return {
    domain,
    offsetNs,
    errorNs,
    driftPpm: driftPpm === null ? null : Math.round(driftPpm * DRIFT_DIGITS) / DRIFT_DIGITS,
    lowNs,
    highNs,
  };
}

function conflictSpans(conflicts: readonly ClockConflict[]): ClockReport['conflictSpans'] {
  return [...conflicts]
    .sort((a, b) => b.depthNs - a.depthNs || Number(a.fromUnixNs - b.fromUnixNs))
    .slice(0, MAX_CONFLICT_SPANS)
    .map(({ fromUnixNs, toUnixNs, domains, depthNs }) => ({
      startUnixNs: String(fromUnixNs),
      endUnixNs: String(toUnixNs),
      domains: [...domains],
      depthNs: Math.round(depthNs),
    }));
}
