/** Which stored rollup rows add up to a window (rollup-levels.ts), from marks and newest rows. */
import type Database from 'better-sqlite3';
import { floorTo } from '#lib/base/units.ts';
import { type LevelState, ROLLUP_LEVELS_NS, rollupPartsOf } from '../rollup-levels.ts';
import type { RollupPart, RollupPartsSelection } from '../telemetry-store.ts';
import { SUMS_NS } from './rollup-statements.ts';
import { StaleMarks } from './stale-marks.ts';

export class RollupCover {
  readonly #database: Database.Database;
  readonly #marks: StaleMarks;
  readonly #newest;

  constructor(database: Database.Database) {
    this.#database = database;
    this.#marks = new StaleMarks(database);
    this.#newest = database
      .prepare<[string, number], bigint>(
        `SELECT bucket_start_unix_ns FROM deployment_rollups
         WHERE deployment = ? AND resolution_ns = ? ORDER BY bucket_start_unix_ns DESC LIMIT 1`,
      )
      .pluck();
  }

  /** One snapshot. */
  parts(selection: RollupPartsSelection): readonly RollupPart[] {
    const { kind, deployment, window, finestNs, coarsestNs } = selection;
    const state: LevelState = {
      keptFromUnixNs: (level) => this.#marks.keptFrom(kind, ROLLUP_LEVELS_NS[level]!),
      unmade: (level, span) => {
        const levelNs = ROLLUP_LEVELS_NS[level]!;
        const marked = this.#marks.starts(deployment, kind, levelNs, span);
        // Whoever stores the partition writes its coarse rows when their time is over.
        return kind === 'stage' || levelNs >= SUMS_NS
          ? marked
          : this.#afterNewest(deployment, levelNs, span.fromUnixNs, span.toUnixNs);
      },
    };
    return this.#database
      .transaction(() => rollupPartsOf(window, finestNs, state, coarsestNs))
      .deferred();
  }

  #afterNewest(deployment: string, levelNs: number, from: bigint, to: bigint): bigint[] {
    const newest = this.#newest.get(deployment, levelNs);
    const lengthNs = BigInt(levelNs);
    const open = newest === undefined ? from : newest + lengthNs;
    const starts: bigint[] = [];
    for (let at: bigint = open > from ? open : floorTo(from, lengthNs); at < to; at += lengthNs) {
      starts.push(at);
    }
    return starts;
  }
}
