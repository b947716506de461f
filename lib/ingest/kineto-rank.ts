/** Which rank wrote a trace. */

const MAX_RANK = 2 ** 31 - 1;

/** As the file says, else as its name says; null where neither does. */
export function rankOf(
  path: string,
  distributedInfo: string | undefined,
): { readonly value: number; readonly from: 'distributedInfo' | 'file name' } | null {
  const told = rankIn(distributedInfo);
  if (told !== null) return { value: told, from: 'distributedInfo' };
  const named = rankInName(path);
  return named === null ? null : { value: named, from: 'file name' };
}

function rankIn(json: string | undefined): number | null {
  // A value that is cut off or damaged may still tell it.
  const rank = /"rank"\s*:\s*"?(\d{1,10})\b/.exec(json ?? '')?.[1];
  return rank === undefined || Number(rank) > MAX_RANK ? null : Number(rank);
}

/**
 * "rank0", "rank_0", "rank-0", "TP-3", "worker2" anywhere in the name; else a number right before the
 * ending ("trace-0.json", "0.pt.trace.json.gz") or in front ("3.trace.json"), if it is below 100,000:
 * longer ones are process ids and times.
 */
export function rankInName(path: string): number | null {
  const name = (path.split('/').at(-1) ?? path).replace(
    /(?:\.(?:pt|trace|json|jsonl|chrome|gz|zst|zstd))+$/i,
    '',
  );
  const marked = /(?:^|[^a-z])rank[ _.=-]?(\d{1,9})(?!\d)/i.exec(name);
  if (marked !== null) return Number(marked[1]);
  const role = /(?:^|[^a-z])(?:worker|gpu|dev|device|TP|EP|DP)[ _.=-]?(\d{1,5})(?!\d)/i.exec(name);
  if (role !== null) return Number(role[1]);
  const last = /(?:^|[_.\-[(])(\d{1,5})[\])]?$/.exec(name) ?? /^(\d{1,5})(?:[_.-]|$)/.exec(name);
  return last === null ? null : Number(last[1]);
}
