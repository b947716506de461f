/**
 * The senders that a decoder has met. A resource comes again with every request, so its encoded
 * bytes lead straight to what was made of them before.
 */
import {
  type ResourceAttributes,
  type ResourceFacts,
  readResourceFacts,
} from '#lib/model/resource.ts';
import { ROLES } from '#lib/table/codes.ts';
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { ByteStringTable } from '#lib/wire/byte-string-table.ts';
import type { DecodeLimits } from './decode-limits.ts';
import type { OpenTable } from './open-tables.ts';

/** Longer resources are read anew each time. */
const MAX_CACHED_BYTES = 16_384;
const MAX_CACHE_BYTES = 32 * 1024 * 1024;
const OWN_SERVICE = 'afdscope';

/** One sender, as events refer to it. */
export class Source {
  readonly facts: ResourceFacts;
  readonly worker: WorkerInfo | null;
  /** Why none of its events are stored; null where they are, or where spans decide (not_afd). */
  readonly refusal: RejectReason | null;
  /** Under which deployment its refused events are counted. */
  readonly countedUnder: string;
  /** Index into ROLES, 0 without a worker. */
  readonly role: number;
  /** Id of the table that last took one of its events, and its index among that table's workers. */
  tableId = -1;
  workerIndex = 0;

  constructor(
    facts: ResourceFacts,
    worker: WorkerInfo | null,
    refusal: RejectReason | null,
    countedUnder: string,
  ) {
    this.facts = facts;
    this.worker = worker;
    this.refusal = refusal;
    this.countedUnder = countedUnder;
    this.role = worker === null ? 0 : ROLES.indexOf(worker.role);
  }
}

/** Makes `source.workerIndex` the worker's index in the table. */
export function enterTable(source: Source, table: OpenTable): void {
  source.tableId = table.id;
  source.workerIndex = source.worker === null ? 0 : table.indexOf(source.worker);
}

export class Resources {
  readonly #limits: DecodeLimits;
  #known: ByteStringTable;
  #sources: (Source | undefined)[] = [];
  #pending = -1;
  /** Equal facts are one object, so that a table lists a worker once. */
  readonly #workers = new Map<string, WorkerInfo>();
  readonly #identities = new Set<string>();
  readonly #deployments = new Set<string>();
  /** Whoever sends no resource. */
  readonly #anonymous: Source;
  current: Source;

  constructor(limits: DecodeLimits) {
    this.#limits = limits;
    this.#known = new ByteStringTable(limits.maxWorkers * 4);
    this.#anonymous = this.#make(new Map());
    this.current = this.#anonymous;
  }

  knownResource(bytes: Uint8Array, view: DataView, start: number, byteCount: number): boolean {
    this.#pending = -1;
    if (byteCount > MAX_CACHED_BYTES) return false;
    let id = this.#known.intern(bytes, view, start, byteCount);
    if (id < 0 || this.#known.arenaBytes > MAX_CACHE_BYTES) {
      // Full of resources that change all the time: start over rather than grow.
      this.#known = new ByteStringTable(this.#limits.maxWorkers * 4);
      this.#sources = [];
      this.#workers.clear();
      id = this.#known.intern(bytes, view, start, byteCount);
    }
    const source = this.#sources[id];
    if (source === undefined) {
      this.#pending = id;
      return false;
    }
    this.current = source;
    return true;
  }

  resource(attributes: ResourceAttributes): void {
    this.current = attributes.size === 0 ? this.#anonymous : this.#make(attributes);
    if (this.#pending >= 0) this.#sources[this.#pending] = this.current;
    this.#pending = -1;
  }

  #make(attributes: ResourceAttributes): Source {
    const facts = readResourceFacts(attributes);
    if (facts.service === OWN_SERVICE) return new Source(facts, null, 'own_telemetry', '');
    const counted = facts.marked && this.#admitDeployment(facts.deployment) ? facts.deployment : '';
    if (facts.invalidKey !== '') return new Source(facts, null, 'bad_attribute', counted);
    if (facts.worker === null) return new Source(facts, null, null, counted);
    if (counted === '' || !this.#admitWorker(facts.worker)) {
      return new Source(facts, null, 'cardinality', counted);
    }
    return new Source(facts, this.#shared(facts.worker), null, counted);
  }

  /** false: one deployment too many. Metrics ask, too: theirs need no afd.* attribute. */
  #admitDeployment(deployment: string): boolean {
    return admit(this.#deployments, deployment, this.#limits.maxDeployments);
  }

  admitMetrics(source: Source): boolean {
    return source.refusal !== 'cardinality' && this.#admitDeployment(source.facts.deployment);
  }

  #admitWorker({ deployment, group, rank }: WorkerInfo): boolean {
    const identity = JSON.stringify([deployment, group, rank]);
    return admit(this.#identities, identity, this.#limits.maxWorkers);
  }

  #shared(worker: WorkerInfo): WorkerInfo {
    const key = JSON.stringify(worker);
    const known = this.#workers.get(key);
    if (known !== undefined) return known;
    if (this.#workers.size >= this.#limits.maxWorkers * 4) this.#workers.clear();
    this.#workers.set(key, worker);
    return worker;
  }
}

function admit(members: Set<string>, member: string, max: number): boolean {
  if (members.has(member)) return true;
  if (members.size >= max) return false;
  members.add(member);
  return true;
}
