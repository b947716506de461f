/**
 * A worker is (deployment, group, rank) however often it restarts or describes itself anew. A
 * source is one such description; an incarnation is one life of a worker's process.
 */
import { compareWorkers, type WorkerInfo } from '#lib/table/worker-info.ts';

export class Sources {
  readonly infos: WorkerInfo[] = [];
  /** Per source: equal for sources of one worker in one life. */
  readonly incarnations: number[] = [];
  readonly deployment: string;
  readonly #sourceByText = new Map<string, number>();
  readonly #sourceByInfo = new Map<WorkerInfo, number>();
  readonly #incarnationByText = new Map<string, number>();

  constructor(deployment: string) {
    this.deployment = deployment;
  }

  /** The number of this description; -1 for another deployment's. */
  intern(info: WorkerInfo): number {
    if (info.deployment !== this.deployment) return -1;
    const seen = this.#sourceByInfo.get(info);
    if (seen !== undefined) return seen;
    const text = JSON.stringify(info, INFO_FIELDS);
    let source = this.#sourceByText.get(text);
    if (source === undefined) {
      source = this.infos.length;
      this.#sourceByText.set(text, source);
      this.infos.push(info);
      this.incarnations.push(this.#incarnation(info));
    }
    this.#sourceByInfo.set(info, source);
    return source;
  }

  #incarnation(info: WorkerInfo): number {
    const text = JSON.stringify([info.group, info.rank, info.incarnation]);
    const known = this.#incarnationByText.get(text);
    if (known !== undefined) return known;
    const incarnation = this.#incarnationByText.size;
    this.#incarnationByText.set(text, incarnation);
    return incarnation;
  }
}

/** Fixed order, so that two equal descriptions give equal texts. */
const INFO_FIELDS: (keyof WorkerInfo)[] = [
  'group',
  'role',
  'rank',
  'domain',
  'incarnation',
  'service',
  'instanceId',
  'host',
  'hwId',
  'clockDomain',
  'sendEnd',
  'sendMode',
  'topology',
  'microbatches',
  'layers',
  'connector',
  'model',
];

export interface MergedWorkers {
  /** Sorted by role (attention, ffn, others), group, rank; each as its newest event describes it. */
  readonly workers: readonly WorkerInfo[];
  /** -1 for sources without an event. */
  readonly workerOfSource: Int32Array;
}

/** `newestStartNs` per source; -Infinity where it has no event. */
export function mergeWorkers(
  infos: readonly WorkerInfo[],
  newestStartNs: Float64Array,
): MergedWorkers {
  const newest = new Map<string, number>();
  const idOf = (info: WorkerInfo): string => JSON.stringify([info.group, info.rank]);
  for (let s = 0; s < infos.length; s++) {
    if (newestStartNs[s] === Number.NEGATIVE_INFINITY) continue;
    const id = idOf(infos[s]!);
    const other = newest.get(id);
    if (other === undefined || isNewer(infos, newestStartNs, s, other)) newest.set(id, s);
  }
  const chosen = [...newest].sort(([, a], [, b]) => compareWorkers(infos[a]!, infos[b]!));
  const indexById = new Map(chosen.map(([id], index) => [id, index]));
  return {
    workers: chosen.map(([, s]) => infos[s]!),
    workerOfSource: Int32Array.from(infos, (info, s) =>
      newestStartNs[s] === Number.NEGATIVE_INFINITY ? -1 : indexById.get(idOf(info))!,
    ),
  };
}

function isNewer(
  infos: readonly WorkerInfo[],
  newestStartNs: Float64Array,
  a: number,
  b: number,
): boolean {
  if (newestStartNs[a] !== newestStartNs[b]) return newestStartNs[a]! > newestStartNs[b]!;
  return JSON.stringify(infos[a], INFO_FIELDS) > JSON.stringify(infos[b], INFO_FIELDS);
}
