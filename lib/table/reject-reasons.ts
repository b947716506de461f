/** Why an event that arrived is not (or not unchanged) in the store. Names are shown and exported. */
export const REJECT_REASONS = [
  /** Its whole request was stored before (a retry). */
  'duplicate',
  /** Arrived after its rollup bucket was closed; stored. */
  'late',
  /** A field was forced into its range (negative duration, over-long name); stored. */
  'clamped',
  /** No afd.* attribute anywhere: not from an AFD worker. */
  'not_afd',
  /** afd.role missing or unknown, so the event has no group. */
  'no_role',
  /** No start time, or times that no unix clock gives. */
  'bad_time',
  /** An attribute has a value that the schema does not allow. */
  'bad_attribute',
  /** afd.packed of an unknown version or damaged. */
  'bad_packed',
  /** More workers, stages or series than the configured bound. */
  'cardinality',
  /** A metric point of a type that is not stored (exponential histogram, summary). */
  'unsupported_metric',
  /** Our own telemetry came back to us. */
  'own_telemetry',
] as const;
export type RejectReason = (typeof REJECT_REASONS)[number];

/** Events per reason; a missing reason is zero. */
export type RejectCounts = Partial<Record<RejectReason, number>>;

const NAMES: ReadonlySet<string> = new Set(REJECT_REASONS);

export function isRejectReason(name: string): name is RejectReason {
  return NAMES.has(name);
}
