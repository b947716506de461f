/**
 * Which small chunks to merge. A commit every 50 ms leaves chunks of a few hundred events where the
 * traffic is light; a window of minutes would read thousands. Pure.
 *
 * Chunks are merged within buckets of their start. While a bucket grows, FAN_IN chunks of about the
 * same size become one (so an event is written anew at most once per power of FAN_IN); when it is
 * closed, what is left becomes one. Chunks of MERGED_ROWS or more are left alone: busy deployments,
 * whose commits are large, are never written twice.
 */

/** In the partial indexes of the schema too. */
export const MERGED_ROWS = 8192;
export const FAN_IN = 16;

export interface SmallChunk {
  readonly id: number;
  readonly deployment: string;
  readonly rows: number;
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
}

/** Groups of at least two chunks that should become one each; ids ascend within a group. */
export function mergeGroups<T extends SmallChunk>(
  chunks: readonly T[],
  bucketNs: bigint,
  maxRows: number,
): readonly (readonly T[])[] {
  const newest = new Map<string, bigint>();
  for (const { deployment, fromUnixNs } of chunks) {
    const known = newest.get(deployment);
    if (known === undefined || fromUnixNs > known) newest.set(deployment, fromUnixNs);
  }
  const closed = new Map<string, T[]>();
  const growing = new Map<string, T[]>();
  for (const chunk of [...chunks].sort((a, b) => a.id - b.id)) {
    const bucket = chunk.fromUnixNs / bucketNs;
    const isClosed = newest.get(chunk.deployment)! / bucketNs > bucket + 1n;
    const tier = isClosed ? '' : Math.floor(Math.log(Math.max(1, chunk.rows)) / Math.log(FAN_IN));
    const lists = isClosed ? closed : growing;
    const key = JSON.stringify([chunk.deployment, String(bucket), tier]);
    const list = lists.get(key);
    if (list === undefined) lists.set(key, [chunk]);
    else list.push(chunk);
  }
  return [
    ...[...growing.values()].flatMap((list) => packed(list, maxRows, FAN_IN)),
    ...[...closed.values()].flatMap((list) => packed(list, maxRows, 2)),
  ];
}

function packed<T extends SmallChunk>(
  list: readonly T[],
  maxRows: number,
  least: number,
): readonly (readonly T[])[] {
  const groups: T[][] = [];
  let group: T[] = [];
  let rows = 0;
  for (const chunk of list) {
    if (rows + chunk.rows > maxRows || group.length === 0) {
      group = [];
      groups.push(group);
      rows = 0;
    }
    group.push(chunk);
    rows += chunk.rows;
  }
  return groups.filter(({ length }) => length >= least);
}
