/**
 * Which workers and steps were seen. A commit at full rate tells a little about each of hundreds of
 * workers, twenty times a second; writing all of that each time cost a third of the append. So where
 * a commit tells of many, a row that is there already is written once a second, and what is pending
 * meanwhile waits in memory: until its second is over, until `flush`, or, where the process dies,
 * for the next start. That one takes the steps from the journal and the newest chunks again
 * (`noteSteps`); only a worker's own `events` and `last_seen` may lack its last second then.
 */
import type Database from 'better-sqlite3';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import type { AppendRegistry, SeenWorker } from '../append-registry.ts';
import { addSteps, type StepRun } from '../step-runs.ts';

/** A commit that tells of more rows than this writes only those that are due. */
const FEW = 32;
const EVERY_MS = 1000;

type Pending = Pick<SeenWorker, 'events' | 'firstUnixNs' | 'lastUnixNs'>;

interface WorkerRow {
  info: WorkerInfo;
  /** Not written yet; null: nothing. */
  pending: Pending | null;
  writtenMs: number;
}

interface DomainRow {
  steps: number;
  runs: readonly StepRun[];
  isPending: boolean;
  writtenMs: number;
}

interface Deployment {
  /** By group, then rank. */
  readonly workers: Map<string, Map<number, WorkerRow>>;
  readonly domains: Map<number, DomainRow>;
}

export class SeenRegistry {
  readonly #putWorker;
  readonly #readSteps;
  readonly #writeSteps;
  readonly #deployments = new Map<string, Deployment>();
  /** What to do to the rows in memory when the transaction is on the disk. */
  #onKept: (() => void)[] = [];

  constructor(database: Database.Database) {
    this.#putWorker = database.prepare<
      [string, string, number, string, string, string, string, bigint, bigint, number]
    >(
      `INSERT INTO workers (deployment, group_name, rank, role, host, hw_id, incarnation,
         first_seen_unix_ns, last_seen_unix_ns, events)
       VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET
         role = excluded.role, host = excluded.host, hw_id = excluded.hw_id,
         incarnation = excluded.incarnation,
         first_seen_unix_ns = min(first_seen_unix_ns, excluded.first_seen_unix_ns),
         last_seen_unix_ns = max(last_seen_unix_ns, excluded.last_seen_unix_ns),
         events = events + excluded.events`,
    );
    this.#readSteps = database.prepare<[string, number], { steps: bigint; runs: string }>(
      'SELECT steps, runs FROM step_domains WHERE deployment = ? AND domain = ?',
    );
    this.#writeSteps = database.prepare<[string, number, number, string]>(
      `INSERT INTO step_domains (deployment, domain, steps, runs) VALUES (?, ?, ?, ?)
       ON CONFLICT DO UPDATE SET steps = excluded.steps, runs = excluded.runs`,
    );
  }

  /** Inside the caller's transaction, whose end `keep` or `forget` tells. */
  see(deployment: string, { workers, steps }: AppendRegistry, nowMs: number): void {
    const mayWait = workers.length > FEW;
    for (const worker of workers) this.#seeWorker(deployment, worker, mayWait, nowMs);
    for (const [domain, seen] of steps) {
      this.#seeSteps(deployment, domain, seen, mayWait && steps.size > FEW, nowMs);
    }
  }

  /** Steps that are stored: adds those that a crash kept from being written. Writes at once. */
  noteSteps(deployment: string, steps: AppendRegistry['steps']): void {
    for (const [domain, seen] of steps) this.#seeSteps(deployment, domain, seen, false, 0);
  }

  get hasPending(): boolean {
    for (const { workers, domains } of this.#deployments.values()) {
      for (const row of domains.values()) if (row.isPending) return true;
      for (const ranks of workers.values()) {
        for (const row of ranks.values()) if (row.pending !== null) return true;
      }
    }
    return false;
  }

  /** Writes what is pending, inside the caller's transaction. */
  flush(nowMs: number): void {
    for (const [deployment, { workers, domains }] of this.#deployments) {
      for (const ranks of workers.values()) {
        for (const row of ranks.values()) {
          if (row.pending !== null)
            this.#writeWorker(deployment, row, row.info, row.pending, nowMs);
        }
      }
      for (const [domain, row] of domains) {
        if (row.isPending) this.#writeDomain(deployment, domain, row, row, nowMs);
      }
    }
  }

  keep(): void {
    for (const change of this.#onKept) change();
    this.#onKept = [];
  }

  forget(): void {
    this.#onKept = [];
  }

  #seeWorker(deployment: string, seen: SeenWorker, mayWait: boolean, nowMs: number): void {
    const { info } = seen;
    const ranks = this.#ranksOf(deployment, info.group);
    const known = ranks.get(info.rank);
    const row = known ?? { info, pending: null, writtenMs: Number.NEGATIVE_INFINITY };
    if (known === undefined) this.#onKept.push(() => ranks.set(info.rank, row));
    const pending = row.pending === null ? seen : joined(row.pending, seen);
    const waits =
      mayWait && known !== undefined && nowMs - row.writtenMs < EVERY_MS && isLike(row.info, info);
    if (waits) {
      this.#onKept.push(() => {
        row.pending = pending;
      });
    } else {
      this.#writeWorker(deployment, row, info, pending, nowMs);
    }
  }

  #writeWorker(
    deployment: string,
    row: WorkerRow,
    info: WorkerInfo,
    seen: Pending,
    nowMs: number,
  ): void {
    this.#putWorker.run(
      deployment,
      info.group,
      info.rank,
      info.role,
      info.host,
      info.hwId,
      info.incarnation,
      seen.firstUnixNs,
      seen.lastUnixNs,
      seen.events,
    );
    this.#onKept.push(() => {
      row.info = info;
      row.pending = null;
      row.writtenMs = nowMs;
    });
  }

  #seeSteps(
    deployment: string,
    domain: number,
    seen: ReadonlySet<number>,
    mayWait: boolean,
    nowMs: number,
  ): void {
    const { domains } = this.#deploymentOf(deployment);
    const row = domains.get(domain) ?? this.#readDomain(deployment, domain, domains);
    const { runs, added } = addSteps(row.runs, seen);
    if (added === 0) return;
    const next = { steps: row.steps + added, runs };
    if (mayWait && nowMs - row.writtenMs < EVERY_MS) {
      this.#onKept.push(() => Object.assign(row, next, { isPending: true }));
    } else {
      this.#writeDomain(deployment, domain, row, next, nowMs);
    }
  }

  #readDomain(deployment: string, domain: number, domains: Map<number, DomainRow>): DomainRow {
    const found = this.#readSteps.get(deployment, domain);
    const runs: readonly StepRun[] = found === undefined ? [] : JSON.parse(found.runs);
    const steps = Number(found?.steps ?? 0n);
    const row = { steps, runs, isPending: false, writtenMs: Number.NEGATIVE_INFINITY };
    domains.set(domain, row);
    return row;
  }

  #writeDomain(
    deployment: string,
    domain: number,
    row: DomainRow,
    { steps, runs }: Pick<DomainRow, 'steps' | 'runs'>,
    nowMs: number,
  ): void {
    this.#writeSteps.run(deployment, domain, steps, JSON.stringify(runs));
    this.#onKept.push(() => {
      Object.assign(row, { steps, runs, isPending: false, writtenMs: nowMs });
    });
  }

  #deploymentOf(name: string): Deployment {
    const known = this.#deployments.get(name);
    if (known !== undefined) return known;
    const made = { workers: new Map(), domains: new Map() };
    this.#deployments.set(name, made);
    return made;
  }

  #ranksOf(deployment: string, group: string): Map<number, WorkerRow> {
    const { workers } = this.#deploymentOf(deployment);
    const known = workers.get(group);
    if (known !== undefined) return known;
    const made = new Map<number, WorkerRow>();
    workers.set(group, made);
    return made;
  }
}

function joined(a: Pending, b: Pending): Pending {
  return {
    events: a.events + b.events,
    firstUnixNs: earlierOf(a.firstUnixNs, b.firstUnixNs),
    lastUnixNs: laterOf(a.lastUnixNs, b.lastUnixNs),
  };
}

/** Does the row say the same of both? */
function isLike(a: WorkerInfo, b: WorkerInfo): boolean {
  return (
    a === b ||
    (a.role === b.role && a.host === b.host && a.hwId === b.hwId && a.incarnation === b.incarnation)
  );
}
