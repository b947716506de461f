/**
 * Coarse rollup buckets that do not hold what their finer ones do: marked in the transaction that
 * changes a finer one, unmarked in the one that makes the coarse one anew.
 */
import type Database from 'better-sqlite3';
import { floorTo } from '#lib/base/units.ts';
import { ROLLUP_LEVELS_NS } from '../rollup-levels.ts';
import type { RollupKind, TimeWindow } from '../telemetry-store.ts';

export interface StaleMark {
  readonly deployment: string;
  readonly kind: RollupKind;
  readonly resolutionNs: number;
  readonly bucketStartUnixNs: bigint;
}

interface MarkRow {
  readonly deployment: string;
  readonly kind: RollupKind;
  readonly resolutionNs: bigint;
  readonly bucketStartUnixNs: bigint;
}

const COLUMNS = `deployment, kind, resolution_ns AS resolutionNs,
                 bucket_start_unix_ns AS bucketStartUnixNs`;

export class StaleMarks {
  readonly #mark;
  readonly #unmark;
  readonly #oldest;
  readonly #oldestOf;
  readonly #inWindow;
  readonly #meta;
  readonly #setMeta;
  #watched: StaleMark | null = null;
  #watchedChanged = false;

  constructor(database: Database.Database) {
    this.#mark = database.prepare<[string, string, number, bigint]>(
      `INSERT OR IGNORE INTO stale_rollups (deployment, kind, resolution_ns, bucket_start_unix_ns)
       VALUES (?, ?, ?, ?)`,
    );
    this.#unmark = database.prepare<[string, string, number, bigint]>(
      `DELETE FROM stale_rollups
       WHERE deployment = ? AND kind = ? AND resolution_ns = ? AND bucket_start_unix_ns = ?`,
    );
    // In order of bucket starts: a coarse bucket starts no later than its finer ones.
    this.#oldest = database.prepare<[bigint, number], MarkRow>(
      `SELECT ${COLUMNS} FROM stale_rollups WHERE bucket_start_unix_ns <= ?
       ORDER BY bucket_start_unix_ns LIMIT ?`,
    );
    this.#oldestOf = database
      .prepare<[string, number], bigint>(
        `SELECT bucket_start_unix_ns FROM stale_rollups WHERE kind = ? AND resolution_ns <= ?
         ORDER BY bucket_start_unix_ns LIMIT 1`,
      )
      .pluck();
    this.#inWindow = database
      .prepare<[string, string, number, bigint, bigint], bigint>(
        `SELECT bucket_start_unix_ns FROM stale_rollups
         WHERE deployment = ? AND kind = ? AND resolution_ns <= ?
           AND bucket_start_unix_ns >= ? AND bucket_start_unix_ns < ?
         ORDER BY bucket_start_unix_ns`,
      )
      .pluck();
    this.#meta = database
      .prepare<[string], bigint>('SELECT value FROM meta WHERE name = ?')
      .pluck();
    this.#setMeta = database.prepare<[string, bigint]>(
      `INSERT INTO meta (name, value) VALUES (?, ?)
       ON CONFLICT (name) DO UPDATE SET value = excluded.value`,
    );
  }

  mark({ deployment, kind, resolutionNs, bucketStartUnixNs }: StaleMark): void {
    this.#mark.run(deployment, kind, resolutionNs, bucketStartUnixNs);
    const watched = this.#watched;
    if (
      watched !== null &&
      watched.bucketStartUnixNs === bucketStartUnixNs &&
      watched.resolutionNs === resolutionNs &&
      watched.kind === kind &&
      watched.deployment === deployment
    ) {
      this.#watchedChanged = true;
    }
  }

  unmark({ deployment, kind, resolutionNs, bucketStartUnixNs }: StaleMark): void {
    this.#unmark.run(deployment, kind, resolutionNs, bucketStartUnixNs);
  }

  /** Is told by `changed` when it is marked again meanwhile. */
  watch(mark: StaleMark | null): void {
    this.#watched = mark;
    this.#watchedChanged = false;
  }

  get changed(): boolean {
    return this.#watchedChanged;
  }

  /** Marks of buckets that ended at or before the instant, the finest first, then the oldest. */
  ready(endedUnixNs: bigint, atMost: number): StaleMark[] {
    const rows = this.#oldest.all(endedUnixNs - BigInt(ROLLUP_LEVELS_NS[1]!), atMost);
    return rows
      .map((row) => ({ ...row, resolutionNs: Number(row.resolutionNs) }))
      .filter(
        ({ bucketStartUnixNs, resolutionNs }) =>
          bucketStartUnixNs + BigInt(resolutionNs) <= endedUnixNs,
      )
      .sort(
        (a, b) =>
          a.resolutionNs - b.resolutionNs || Number(a.bucketStartUnixNs - b.bucketStartUnixNs),
      );
  }

  /** Of this level or a finer one. */
  oldest(kind: RollupKind, resolutionNs: number): bigint | null {
    return this.#oldestOf.get(kind, resolutionNs) ?? null;
  }

  /**
   * Buckets of the level in the window that are marked, or have a marked finer bucket in them;
   * ascending. The window is of whole buckets.
   */
  starts(
    deployment: string,
    kind: RollupKind,
    resolutionNs: number,
    { fromUnixNs, toUnixNs }: TimeWindow,
  ): readonly bigint[] {
    const marks = this.#inWindow.all(deployment, kind, resolutionNs, fromUnixNs, toUnixNs);
    return [...new Set(marks.map((start) => floorTo(start, BigInt(resolutionNs))))];
  }

  /** Rows of the level that start before it are deleted, or are going to be. */
  keptFrom(kind: RollupKind, resolutionNs: number): bigint {
    return this.#meta.get(keptFromName(kind, resolutionNs)) ?? NOTHING_GONE;
  }

  setKeptFrom(kind: RollupKind, resolutionNs: number, instant: bigint): void {
    if (instant > this.keptFrom(kind, resolutionNs)) {
      this.#setMeta.run(keptFromName(kind, resolutionNs), instant);
    }
  }
}

const NOTHING_GONE = -(2n ** 63n);

function keptFromName(kind: RollupKind, resolutionNs: number): string {
  return `${kind}_kept_from_${resolutionNs}`;
}
