/**
 * Who waits for whom in a step that stands still, and where the chain begins:
 *
 *     attention/0 ─┐
 *     attention/1 ─┼─▶ ffn/3    has its input for layer 30, and produced nothing: the first fault
 *     ffn/0 ───────┘   (ffn/0 waits for attention, which waits for ffn/3)
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { firstListed, listHas } from '#lib/model/peers.ts';
import { sendStageOf } from '#lib/model/receives.ts';
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import type { Chain, WorkerProgress } from './hang-chains.ts';

export interface Blame {
  /** Index of the first fault's worker; -1: nobody stands out. */
  readonly worker: number;
  readonly reason: 'no-progress' | 'no-receive' | 'silent' | 'unknown';
  /** Workers that wait for it, directly or through others. */
  readonly waiting: number;
  /** By worker index: the workers that it waits for. */
  readonly waitsFor: ReadonlyMap<number, readonly number[]>;
  /** By worker index: the chain that it stands in, the first that was ready; absent: it was done. */
  readonly pending: ReadonlyMap<number, Chain>;
}

interface Suspect {
  readonly worker: number;
  readonly readyNs: number;
  readonly reason: Blame['reason'];
}

export function findBlame(
  assembled: Assembled,
  step: number,
  progress: readonly WorkerProgress[],
  stopNs: number,
): Blame {
  const sent = new SentRows(assembled, step, stopNs);
  const waitsFor = new Map<number, number[]>();
  const pending = new Map<number, Chain>();
  const suspects: Suspect[] = [];
  for (const own of progress) {
    const chains = pendingChains(own);
    for (const chain of chains) {
      const known = pending.get(own.worker);
      if (known === undefined || chain.readyNs < known.readyNs) pending.set(own.worker, chain);
      const missing = awaitedBy(assembled, progress, own.worker, chain, sent);
      if (missing !== null && missing.length > 0) {
        const all = new Set([...(waitsFor.get(own.worker) ?? []), ...missing]);
        waitsFor.set(
          own.worker,
          [...all].sort((a, b) => a - b),
        );
        continue;
      }
      const reason = missing === null ? 'no-progress' : 'no-receive';
      const isSilent = own.lastRow < 0;
      suspects.push({
        worker: own.worker,
        readyNs: chain.readyNs,
        reason: isSilent ? 'silent' : reason,
      });
    }
  }
  const ranked = suspects.map((one) => ({ ...one, waiting: waitingFor(one.worker, waitsFor) }));
  // Whom most wait for; of equals, who was ready first.
  ranked.sort((a, b) => b.waiting - a.waiting || a.readyNs - b.readyNs || a.worker - b.worker);
  const first = ranked[0];
  return {
    worker: first?.worker ?? -1,
    reason: first?.reason ?? 'unknown',
    waiting: first?.waiting ?? 0,
    waitsFor,
    pending,
  };
}

/** What belongs to the step as a whole (sampling) comes once all its micro-batches are through. */
function pendingChains({ chains }: WorkerProgress): Chain[] {
  const open = chains.filter(({ next }) => next !== null);
  const batches = open.filter(({ microbatch }) => microbatch !== ABSENT);
  return batches.length > 0 ? batches : open;
}

/** The workers that it waits for with this chain; null: it could go on by itself. */
function awaitedBy(
  assembled: Assembled,
  progress: readonly WorkerProgress[],
  worker: number,
  chain: Chain,
  sent: SentRows,
): number[] | null {
  const next = chain.next!;
  const { workers } = assembled.events;
  const me = workers[worker]!;
  if (next.kind === Kind.receive) {
    return progress
      .filter((other) => isAcross(workers[other.worker]!.role, me.role))
      .filter(({ worker: other }) => !sent.has(other, next.layer, chain.microbatch, me.rank))
      .map((other) => other.worker);
  }
  if (next.stage === Stage.collective) {
    const behind = progress.filter(
      (other) =>
        other.worker !== worker &&
        workers[other.worker]!.group === me.group &&
        isBefore(other, chain.microbatch, next.layer),
    );
    return behind.length === 0 ? null : behind.map((other) => other.worker);
  }
  const isSend = next.stage === sendStageOf(me.role);
  if (isSend && me.sendMode === 'rendezvous') {
    // Its receivers that are elsewhere; those that wait for just this are there.
    const busy = progress.filter(
      (other) =>
        isAcross(workers[other.worker]!.role, me.role) &&
        !awaits(other, chain.microbatch, next.layer),
    );
    return busy.length === 0 ? null : busy.map((other) => other.worker);
  }
  return null;
}

function isAcross(role: string, other: string): boolean {
  return (role === 'ffn') !== (other === 'ffn');
}

/** Is the worker's chain of the micro-batch not at a collective of the layer yet? */
function isBefore({ chains }: WorkerProgress, microbatch: number, layer: number): boolean {
  const chain = chains.find((one) => one.microbatch === microbatch);
  if (chain === undefined || chain.next === null) return false;
  if (chain.next.layer !== layer) return chain.next.layer < layer;
  return chain.next.stage !== Stage.collective;
}

function awaits({ chains }: WorkerProgress, microbatch: number, layer: number): boolean {
  const chain = chains.find((one) => one.microbatch === microbatch);
  return chain?.next?.kind === Kind.receive && chain.next.layer === layer;
}

function waitingFor(worker: number, waitsFor: ReadonlyMap<number, readonly number[]>): number {
  const reached = new Set([worker]);
  let grew = true;
  while (grew) {
    grew = false;
    for (const [other, awaited] of waitsFor) {
      if (reached.has(other) || !awaited.some((one) => reached.has(one))) continue;
      reached.add(other);
      grew = true;
    }
  }
  return reached.size - 1;
}

/** Sends of the step that ended in time, by worker, layer and micro-batch. */
class SentRows {
  readonly #assembled: Assembled;
  readonly #rows = new Map<string, number[]>();

  constructor(assembled: Assembled, step: number, stopNs: number) {
    this.#assembled = assembled;
    const { events, endNs, offsets, stepOf } = assembled;
    events.workers.forEach(({ role }, worker) => {
      const stage = sendStageOf(role);
      for (let row = offsets[worker]!; row < offsets[worker + 1]!; row++) {
        if (stepOf[row] !== step || events.stage[row] !== stage || endNs[row]! > stopNs) continue;
        const key = `${worker}/${events.layer[row]}/${events.microbatch[row]}`;
        const rows = this.#rows.get(key) ?? [];
        this.#rows.set(key, rows);
        rows.push(row);
      }
    });
  }

  has(worker: number, layer: number, microbatch: number, toRank: number): boolean {
    const { peer, lists } = this.#assembled.events;
    return (this.#rows.get(`${worker}/${layer}/${microbatch}`) ?? []).some(
      (row) =>
        firstListed(peer[row]!, lists.peers, row) === ABSENT ||
        listHas(peer[row]!, lists.peers, row, toRank),
    );
  }
}
