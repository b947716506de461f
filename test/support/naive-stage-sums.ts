/** Stage rollups the plain way: every event in lists by text keys. The fast sums are held against it. */
import { PHASES } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { SLICES_PER_SECOND, type StageRollup } from '#lib/table/stage-rollups.ts';
import { workerId } from '#lib/table/worker-info.ts';

const SECOND_NS = 1_000_000_000n;

/** Durations by "cell …" and "slice …" keys. */
export function naiveSums(tables: readonly EventTable[]): Map<string, number[]> {
  const sums = new Map<string, number[]>();
  const add = (key: string, durationNs: number) => {
    const known = sums.get(key);
    if (known === undefined) sums.set(key, [durationNs]);
    else known.push(durationNs);
  };
  for (const table of tables) {
    for (let i = 0; i < table.length; i++) {
      if (['warmup', 'capture'].includes(PHASES[table.phase[i]!]!)) continue;
      const start = table.baseUnixNs + BigInt(Math.floor(table.startNs[i]!));
      const second = start / SECOND_NS;
      const slice = (start % SECOND_NS) / (SECOND_NS / BigInt(SLICES_PER_SECOND));
      const info = table.workers[table.worker[i]!]!;
      const stage = table.stageNames[table.stage[i]!]!;
      const who = `${info.deployment} ${workerId(info)} ${info.role} ${second}`;
      add(`cell ${who} ${stage} ${table.layer[i]}`, table.durationNs[i]!);
      add(`slice ${who} ${slice} ${stage}`, table.durationNs[i]!);
    }
  }
  return sums;
}

export interface PlainSum {
  count: number;
  sumNs: number;
  minNs: number;
  maxNs: number;
  readonly bins: Map<number, number>;
}

/** The parts, added up, under the same keys; slices have no bins. */
export function plainSums(parts: readonly StageRollup[]): Map<string, PlainSum> {
  const sums = new Map<string, PlainSum>();
  const sumOf = (key: string): PlainSum => {
    const sum = sums.get(key) ?? {
      count: 0,
      sumNs: 0,
      minNs: Number.POSITIVE_INFINITY,
      maxNs: 0,
      bins: new Map<number, number>(),
    };
    sums.set(key, sum);
    return sum;
  };
  type Columns = Pick<StageRollup['cells'], 'count' | 'sumNs' | 'minNs' | 'maxNs'>;
  const add = (sum: PlainSum, { count, sumNs, minNs, maxNs }: Columns, i: number) => {
    sum.count += count[i]!;
    sum.sumNs += sumNs[i]!;
    sum.minNs = Math.min(sum.minNs, minNs[i]!);
    sum.maxNs = Math.max(sum.maxNs, maxNs[i]!);
  };
  for (const { deployment, workerId: id, role, bucketStartUnixNs, cells, slices } of parts) {
    const who = `${deployment} ${id} ${role} ${bucketStartUnixNs / SECOND_NS}`;
    for (let i = 0; i < cells.length; i++) {
      const sum = sumOf(`cell ${who} ${cells.stageNames[cells.stage[i]!]} ${cells.layer[i]}`);
      add(sum, cells, i);
      for (let b = cells.sketchOffsets[i]!; b < cells.sketchOffsets[i + 1]!; b++) {
        const bin = cells.sketchBin[b]!;
        sum.bins.set(bin, (sum.bins.get(bin) ?? 0) + cells.sketchCount[b]!);
      }
    }
    if (slices === null) continue;
    for (let i = 0; i < slices.length; i++) {
      const stage = cells.stageNames[slices.stage[i]!];
      add(sumOf(`slice ${who} ${slices.slice[i]} ${stage}`), slices, i);
    }
  }
  return sums;
}
