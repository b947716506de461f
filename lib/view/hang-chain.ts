/**
 * A hang as people read it: who stands still first, who waits for it directly, who waits for those.
 *
 *     ffn/3   <- attention/0–7   <- ffn/0–2
 *     level 0    level 1            level 2
 */
import type { HangJson } from '#lib/api/hangs.ts';
import { durationFigure, figureText } from './format.ts';

export interface HangChain {
  /** The first fault, then those that wait for the level before; empty where nobody is known. */
  readonly levels: readonly (readonly string[])[];
  /** Workers that wait for nobody of the chain. */
  readonly outside: readonly string[];
}

export function hangChain(hang: HangJson): HangChain {
  const waiters = new Map<string, string[]>();
  for (const { worker, waitsFor } of hang.workers) {
    for (const other of waitsFor) waiters.set(other, [...(waiters.get(other) ?? []), worker]);
  }
  const seen = new Set<string>();
  const levels: string[][] = [];
  let level = hang.worker === null ? [] : [hang.worker];
  while (level.length > 0) {
    for (const worker of level) seen.add(worker);
    levels.push(level);
    level = [
      ...new Set(level.flatMap((worker) => waiters.get(worker) ?? []).filter((w) => !seen.has(w))),
    ].sort(byWorker);
  }
  return {
    levels,
    outside: hang.workers
      .map(({ worker }) => worker)
      .filter((worker) => !seen.has(worker))
      .sort(byWorker),
  };
}

export interface HangRow {
  /** Place in the chain; null: outside of it. */
  readonly level: number | null;
  /** That stand at the same place and wait for the same workers. */
  readonly workers: readonly string[];
  /** `step 4,711, expert, layer 30, micro-batch 1`; null: no event in memory. */
  readonly last: string | null;
  /** First and last of their ends. */
  readonly endedUnixNs: readonly [first: string, last: string] | null;
  readonly next: string | null;
  readonly waitsFor: readonly string[];
}

/** Rows of the table: the chain from its first fault outwards, then the others; equal ones together. */
export function hangRows(hang: HangJson): readonly HangRow[] {
  const { levels, outside } = hangChain(hang);
  const byId = new Map(hang.workers.map((row) => [row.worker, row]));
  const rows = new Map<string, HangRow>();
  const add = (level: number | null, worker: string): void => {
    const entry = byId.get(worker);
    if (entry === undefined) return;
    const last =
      entry.last === null
        ? null
        : `step ${entry.last.step.toLocaleString('en-US')}, ${placeText(entry.last)}`;
    const next = entry.next === null ? null : placeText(entry.next);
    const waitsFor = [...entry.waitsFor].sort(byWorker);
    const key = JSON.stringify([level, last, next, waitsFor]);
    const same = rows.get(key);
    const end = entry.last?.endUnixNs ?? null;
    rows.set(key, {
      level,
      workers: [...(same?.workers ?? []), worker],
      last,
      endedUnixNs: end === null ? null : spanned(same?.endedUnixNs ?? [end, end], end),
      next,
      waitsFor,
    });
  };
  for (const [depth, level] of levels.entries()) for (const worker of level) add(depth, worker);
  for (const worker of outside) add(null, worker);
  return [...rows.values()];
}

function spanned(
  [first, last]: readonly [string, string],
  unixNs: string,
): readonly [string, string] {
  const at = BigInt(unixNs);
  return [at < BigInt(first) ? unixNs : first, at > BigInt(last) ? unixNs : last];
}

/** `attention/0`, `attention/2`: by name, then rank as a number. */
function byWorker(a: string, b: string): number {
  const left = split(a);
  const right = split(b);
  if (left.group !== right.group) return left.group < right.group ? -1 : 1;
  return left.rank - right.rank;
}

function split(id: string): { readonly group: string; readonly rank: number } {
  const at = id.lastIndexOf('/');
  const rank = Number(id.slice(at + 1));
  return at < 0 || !Number.isInteger(rank)
    ? { group: id, rank: -1 }
    : { group: id.slice(0, at), rank };
}

/** Ranks that follow each other are one range: `attention/0–3, attention/6, ffn/1`. */
export function workerRanges(workers: readonly string[]): string {
  const parts: string[] = [];
  let start: string | null = null;
  let last: string | null = null;
  const close = () => {
    if (start === null || last === null) return;
    parts.push(start === last ? start : `${start}–${split(last).rank}`);
  };
  for (const worker of [...workers].sort(byWorker)) {
    const before = last === null ? null : split(last);
    const now = split(worker);
    if (before !== null && before.group === now.group && now.rank === before.rank + 1) {
      last = worker;
      continue;
    }
    close();
    start = worker;
    last = worker;
  }
  close();
  return parts.join(', ');
}

/** What happened, in one sentence without its time. */
export function hangSentence(hang: HangJson): string {
  const who = hang.worker ?? 'Nobody stands out';
  const usual =
    hang.usualNs === null
      ? ''
      : ` A step usually takes ${figureText(durationFigure(hang.usualNs))}.`;
  const others =
    hang.waiting > 0
      ? ` ${hang.waiting} ${hang.waiting === 1 ? 'worker waits' : 'workers wait'} for it.`
      : '';
  switch (hang.reason) {
    case 'no-progress': {
      const next = nextOf(hang);
      return `${who} has what it needs${next === '' ? '' : ` for ${next}`} and produced nothing.${others}${usual}`;
    }
    case 'no-receive':
      return `Everything was sent to ${who}, and it received nothing: its network, or the process.${others}${usual}`;
    case 'silent':
      return `${who} sends no events while others go on: the process, its host, or its exporter.${others}`;
    case 'unknown':
      return hang.worker === null
        ? `Progress stopped in step ${hang.step}; no worker stands out as the first.${usual}`
        : `Progress stopped in step ${hang.step}, first at ${who}.${others}${usual}`;
  }
}

function nextOf(hang: HangJson): string {
  const row = hang.workers.find(({ worker }) => worker === hang.worker);
  return row?.next == null ? '' : placeText(row.next);
}

/** `expert, layer 31, micro-batch 0`; what has no layer or micro-batch leaves them out. */
export function placeText(place: {
  readonly stage: string;
  readonly layer: number;
  readonly microbatch: number;
}): string {
  return [
    place.stage,
    ...(place.layer >= 0 ? [`layer ${place.layer}`] : []),
    ...(place.microbatch >= 0 ? [`micro-batch ${place.microbatch}`] : []),
  ].join(', ');
}

/** Still going on first, then the newest. */
export function sortedHangs(hangs: readonly HangJson[]): readonly HangJson[] {
  return [...hangs].sort((a, b) => {
    if ((a.untilUnixNs === null) !== (b.untilUnixNs === null))
      return a.untilUnixNs === null ? -1 : 1;
    const [left, right] = [BigInt(a.sinceUnixNs), BigInt(b.sinceUnixNs)];
    return left === right ? 0 : left > right ? -1 : 1;
  });
}
