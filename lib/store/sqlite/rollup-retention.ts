/**
 * Deletes rollups that their level no longer keeps (rollup-levels.ts), a bounded number a call. From
 * when on rows are whole is noted first, so that late sums never go into a bucket that is going.
 */
import type Database from 'better-sqlite3';
import { keptFrom, keptNs, ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import type { RetentionPolicy, RollupKind } from '../telemetry-store.ts';
import type { StaleMarks } from './stale-marks.ts';

const ROWS_PER_CALL = 2000;

const TABLES = {
  worker_rollups: 'partition',
  deployment_rollups: 'partition',
  stage_rollups: 'stage',
} as const satisfies Readonly<Record<string, RollupKind>>;
type RollupTable = keyof typeof TABLES;

interface KindOfRow {
  readonly deployment: string;
  readonly resolutionNs: bigint;
}

export class RollupRetention {
  readonly #database: Database.Database;
  readonly #marks: StaleMarks;
  readonly #tables;

  constructor(database: Database.Database, marks: StaleMarks) {
    this.#database = database;
    this.#marks = marks;
    this.#tables = (Object.keys(TABLES) as RollupTable[]).map((table) => ({
      kind: TABLES[table],
      next: database.prepare<[string, bigint], KindOfRow>(
        `SELECT deployment, resolution_ns AS resolutionNs FROM ${table}
         WHERE (deployment, resolution_ns) > (?, ?) ORDER BY deployment, resolution_ns LIMIT 1`,
      ),
      remove: database.prepare<[string, bigint, bigint, number]>(
        `DELETE FROM ${table} WHERE rowid IN (
           SELECT rowid FROM ${table}
           WHERE deployment = ? AND resolution_ns = ? AND bucket_start_unix_ns < ?
           ORDER BY bucket_start_unix_ns LIMIT ?)`,
      ),
    }));
  }

  /** One slice. Sums over groups of the partition go with their rows and are not counted. */
  retain(
    policy: RetentionPolicy,
    nowUnixNs: bigint,
  ): { readonly deleted: number; readonly more: boolean } {
    return this.#database
      .transaction(() => {
        this.#moveOn(policy, nowUnixNs);
        let deleted = 0;
        let sums = 0;
        for (const { kind, next, remove } of this.#tables) {
          let row = next.get('', NO_LENGTH);
          while (row !== undefined && deleted < ROWS_PER_CALL) {
            const { deployment, resolutionNs } = row;
            const lengthNs = Math.abs(Number(resolutionNs));
            // Lengths that no level has are of another version: they go with the last level.
            const before = ROLLUP_LEVELS_NS.includes(lengthNs)
              ? this.#marks.keptFrom(kind, lengthNs)
              : nowUnixNs - BigInt(Math.round(keptNs(ROLLUP_LEVELS_NS.length - 1, policy)));
            const room = ROWS_PER_CALL - deleted;
            const { changes } = remove.run(deployment, resolutionNs, before, room);
            deleted += changes;
            if (kind === 'partition' && resolutionNs < 0n) sums += changes;
            row = next.get(deployment, resolutionNs);
          }
        }
        return { deleted: deleted - sums, more: deleted >= ROWS_PER_CALL };
      })
      .immediate();
  }

  #moveOn(policy: RetentionPolicy, nowUnixNs: bigint): void {
    ROLLUP_LEVELS_NS.forEach((levelNs, level) => {
      const coarserNs = ROLLUP_LEVELS_NS[level + 1];
      for (const kind of ['stage', 'partition'] as const) {
        const stale = coarserNs === undefined ? null : this.#marks.oldest(kind, coarserNs);
        this.#marks.setKeptFrom(kind, levelNs, keptFrom(level, policy, nowUnixNs, stale));
      }
    });
  }
}

/** Below every stored length, those of sums too. */
const NO_LENGTH = -(2n ** 62n);
