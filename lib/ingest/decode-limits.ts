/** Bounds on what a decoder keeps between requests: its memory stays flat whatever it is sent. */
export interface DecodeLimits {
  /** Distinct (deployment, group, rank) since the start; events of others count as cardinality. */
  readonly maxWorkers: number;
  readonly maxDeployments: number;
  /** Stage names beside those of the schema. */
  readonly maxStages: number;
  /** Distinct metric series. */
  readonly maxSeries: number;
  /** Events, and members of their lists, that the packed steps of one request may hold. */
  readonly maxPackedEvents: number;
  readonly maxPackedMembers: number;
  /** Spans and points before this instant count as bad_time: no unix clock says so. */
  readonly minUnixNs: bigint;
}

export const DEFAULT_DECODE_LIMITS: DecodeLimits = {
  maxWorkers: 16_384,
  maxDeployments: 256,
  maxStages: 512,
  maxSeries: 65_536,
  maxPackedEvents: 4_194_304,
  maxPackedMembers: 16_777_216,
  minUnixNs: 946_684_800_000_000_000n,
};
