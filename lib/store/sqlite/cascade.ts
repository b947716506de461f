/**
 * Makes coarse rollup buckets from finer ones: those that are marked stale and ended a while ago. A
 * bucket is always made as a whole, from what is stored, so that late events, and a crash half way,
 * change nothing but the time it takes. Each call does a bounded slice.
 */
import type Database from 'better-sqlite3';
import { ReusedRoom } from '#lib/base/column-room.ts';
import { unixNanos } from '#lib/base/units.ts';
import { StageBandSums } from '#lib/table/stage-bands.ts';
import { mergeStageRollups } from '#lib/table/stage-rollup-merge.ts';
import type { StageRollup } from '#lib/table/stage-rollups.ts';
import { ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import { PartitionSums } from './partition-sums.ts';
import { StageRollupReader } from './stage-rollup-reader.ts';
import { StageRollupWriter } from './stage-rollup-writer.ts';
import type { StaleMark, StaleMarks } from './stale-marks.ts';

/** A bucket waits so long after its end: most late events are there by then. */
export const SETTLE_NS = 10_000_000_000n;

/** Workers' rows that one call reads, about 15 ms. */
const FINE_ROWS_PER_CALL = 120;
const MARKS_PER_LOOK = 256;

export class Cascade {
  readonly #database: Database.Database;
  readonly #marks: StaleMarks;
  readonly #reader: StageRollupReader;
  readonly #writer: StageRollupWriter;
  /** Of the rows that one coarse row is made from. */
  readonly #room = new ReusedRoom();
  readonly #partition: PartitionSums;
  readonly #workersAfter;
  /** The bucket at work, and the last of its workers that is done. */
  #open: { readonly mark: StaleMark; afterWorker: string } | null = null;

  constructor(database: Database.Database, marks: StaleMarks) {
    this.#database = database;
    this.#marks = marks;
    this.#reader = new StageRollupReader(database, undefined, this.#room);
    this.#writer = new StageRollupWriter(database, marks);
    this.#partition = new PartitionSums(database, marks);
    this.#workersAfter = database
      .prepare<[string, number, bigint, bigint, string, number], string>(
        `SELECT DISTINCT worker_id FROM stage_rollups
         WHERE deployment = ? AND resolution_ns = ?
           AND bucket_start_unix_ns >= ? AND bucket_start_unix_ns < ? AND worker_id > ?
         ORDER BY worker_id LIMIT ?`,
      )
      .pluck();
    this.#partition.markAllOnce();
  }

  /** One slice. true: there is more to do. */
  run(nowUnixNs: bigint): boolean {
    if (this.#open === null) {
      const [mark] = this.#marks.ready(nowUnixNs - SETTLE_NS, MARKS_PER_LOOK);
      if (mark === undefined) return false;
      this.#open = { mark, afterWorker: '' };
      this.#marks.watch(mark);
    }
    const open = this.#open;
    if (this.#marks.changed) {
      open.afterWorker = '';
      this.#marks.watch(open.mark);
    }
    const done = this.#database
      .transaction(() => {
        const finished = open.mark.kind === 'stage' ? this.#stageSlice(open) : this.#sums(open);
        if (finished) this.#marks.unmark(open.mark);
        return finished;
      })
      .immediate();
    if (done) {
      this.#open = null;
      this.#marks.watch(null);
    }
    return true;
  }

  #stageSlice(open: { readonly mark: StaleMark; afterWorker: string }): boolean {
    const { deployment, resolutionNs, bucketStartUnixNs: from } = open.mark;
    const level = ROLLUP_LEVELS_NS.indexOf(resolutionNs);
    const fineNs = ROLLUP_LEVELS_NS[level - 1];
    if (fineNs === undefined) return true;
    const to = from + BigInt(resolutionNs);
    const atOnce = Math.max(1, Math.floor((FINE_ROWS_PER_CALL * fineNs) / resolutionNs));
    const workers = this.#workersAfter.all(deployment, fineNs, from, to, open.afterWorker, atOnce);
    const window = { fromUnixNs: unixNanos(from), toUnixNs: unixNanos(to) };
    const selection = { deployment, window, resolutionNs: fineNs };
    for (const workerId of workers) {
      const own = this.#reader.workers({ ...selection, workers: [workerId] });
      if (own.length > 0) this.#writer.put(mergeStageRollups(own, resolutionNs));
      this.#room.empty();
    }
    open.afterWorker = workers.at(-1) ?? open.afterWorker;
    if (workers.length === atOnce) return false;
    for (const own of byWorker(this.#reader.groups(selection))) {
      this.#writer.putGroup(mergeStageRollups(own, resolutionNs));
    }
    this.#room.empty();
    const bands = new StageBandSums();
    for (const part of this.#reader.bands(selection)) bands.addBands(part);
    this.#writer.putBands(bands.finish(deployment, resolutionNs, unixNanos(from)));
    this.#writer.markCoarser(deployment, level, from);
    return true;
  }

  #sums(open: { readonly mark: StaleMark; afterWorker: string }): boolean {
    const next = this.#partition.sumWorkers(open.mark, open.afterWorker);
    if (next !== null) {
      open.afterWorker = next;
      return false;
    }
    this.#partition.sumDeployment(open.mark);
    return true;
  }
}

function byWorker(rows: readonly StageRollup[]): StageRollup[][] {
  const found = new Map<string, StageRollup[]>();
  for (const row of rows) {
    const own = found.get(row.workerId);
    if (own === undefined) found.set(row.workerId, [row]);
    else own.push(row);
  }
  return [...found.values()];
}
