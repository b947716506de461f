/** What each reason on the health page means, and what to do about it. */

export interface RejectHelp {
  readonly label: string;
  readonly stored: boolean;
  readonly remedy: string;
}

const HELP: Readonly<Record<string, RejectHelp>> = {
  duplicate: {
    label: 'Duplicate',
    stored: true,
    remedy: 'A retried request that was stored before. Nothing to do unless it keeps growing.',
  },
  late: {
    label: 'Late',
    stored: true,
    remedy:
      'Stored, but after its time bucket was closed. Lower the exporter’s batch delay (OTEL_BSP_SCHEDULE_DELAY).',
  },
  clamped: {
    label: 'Clamped',
    stored: true,
    remedy: 'A field was forced into its range, such as a negative duration. Check the probe.',
  },
  not_afd: {
    label: 'Not from an AFD worker',
    stored: false,
    remedy: 'No afd.* attribute. Send other traces elsewhere, or set afd.role on this service.',
  },
  no_role: {
    label: 'No role',
    stored: false,
    remedy: 'Set afd.role=attention or afd.role=ffn in OTEL_RESOURCE_ATTRIBUTES of the worker.',
  },
  bad_time: {
    label: 'Bad time',
    stored: false,
    remedy: 'Start or end time missing, or not unix nanoseconds. Check the exporter’s clock.',
  },
  bad_attribute: {
    label: 'Bad attribute',
    stored: false,
    remedy: 'An afd.* attribute has a value that the schema does not allow, such as a text step.',
  },
  bad_packed: {
    label: 'Bad packed step',
    stored: false,
    remedy: 'afd.packed is damaged or of a newer version. Update the collector, then the probe.',
  },
  cardinality: {
    label: 'Too many names',
    stored: false,
    remedy:
      'More workers, stages or series than the configured bound. Look for a changing id in afd.group or afd.stage.',
  },
  unsupported_metric: {
    label: 'Unsupported metric',
    stored: false,
    remedy: 'Exponential histograms and summaries are not stored. Send explicit-bucket histograms.',
  },
  own_telemetry: {
    label: 'Own telemetry',
    stored: false,
    remedy:
      'The collector’s own spans came back to it. Point OTEL_EXPORTER_OTLP_ENDPOINT elsewhere.',
  },
};

export function rejectHelp(reason: string): RejectHelp {
  return (
    (Object.hasOwn(HELP, reason) ? HELP[reason] : undefined) ?? {
      label: reason,
      stored: false,
      remedy: 'This page does not know the reason: the collector may be newer. Reload the page.',
    }
  );
}

export interface RejectLine extends RejectHelp {
  readonly reason: string;
  readonly count: number;
}

/** Reasons with events, most first. */
export function rejectLines(rejected: Readonly<Record<string, number>>): readonly RejectLine[] {
  return Object.entries(rejected)
    .filter(([, count]) => count > 0)
    .map(([reason, count]) => ({ ...rejectHelp(reason), reason, count }))
    .sort((a, b) => b.count - a.count || (a.reason < b.reason ? -1 : 1));
}

/** Events that are not in the store, over all reasons. */
export function droppedEvents(rejected: Readonly<Record<string, number>>): number {
  return rejectLines(rejected)
    .filter((line) => !line.stored)
    .reduce((sum, line) => sum + line.count, 0);
}
