/** What one worker did in each layer, added up over rows of sums, for the heat map. */
import { defaultKind, stageCode } from '#lib/model/stages.ts';
import { Kind, type Role } from '#lib/table/codes.ts';
import type { StageCells, StageRollup } from '#lib/table/stage-rollups.ts';

/** Columns start with room for so many layers, and double. */
const FIRST_LAYERS = 64;

/** Layers below this are found without a map. */
const NEAR_LAYERS = 512;

/** Where the layers of one picture stand in the columns of its workers: nothing bounds their numbers. */
export class LayerSlots {
  /** By slot. */
  readonly layers: number[] = [];
  readonly #near = new Int32Array(NEAR_LAYERS).fill(-1);
  readonly #far = new Map<number, number>();

  slotOf(layer: number): number {
    const known = layer < NEAR_LAYERS ? this.#near[layer]! : (this.#far.get(layer) ?? -1);
    if (known >= 0) return known;
    const slot = this.layers.length;
    this.layers.push(layer);
    if (layer < NEAR_LAYERS) this.#near[layer] = slot;
    else this.#far.set(layer, slot);
    return slot;
  }
}

export class WorkerLayers {
  readonly workerId: string;
  readonly group: string;
  readonly role: Role;
  readonly rank: number;
  /** By slot of the layer, as `receiveNs`. */
  computeNs: Float64Array = new Float64Array(FIRST_LAYERS);
  receiveNs: Float64Array = new Float64Array(FIRST_LAYERS);
  /** All of them, of any kind and layer. */
  events = 0;
  readonly #slots: LayerSlots;
  /** Of each compute stage, by slot. */
  readonly #counts = new Map<string, Float64Array>();
  /** 1: compute events were seen. */
  #computes = new Uint8Array(FIRST_LAYERS);

  constructor({ workerId, group, role, rank }: StageRollup, slots: LayerSlots) {
    this.workerId = workerId;
    this.group = group;
    this.role = role;
    this.rank = rank;
    this.#slots = slots;
  }

  add({ length, stageNames, stage, layer, count, sumNs }: StageCells): void {
    for (let i = 0; i < length; i++) this.events += count[i]!;
    // Cells come by stage.
    for (let from = 0; from < length; ) {
      const name = stageNames[stage[from]!]!;
      let to = from + 1;
      while (to < length && stage[to] === stage[from]) to++;
      const kind = defaultKind(stageCode(name, this.role));
      if (kind === Kind.compute) this.#addCompute(name, layer, count, sumNs, from, to);
      else if (kind === Kind.receive) this.#addReceives(layer, sumNs, from, to);
      from = to;
    }
  }

  #addCompute(
    name: string,
    layer: Int32Array,
    count: Float64Array,
    sumNs: Float64Array,
    from: number,
    to: number,
  ): void {
    for (let i = from; i < to; i++) if (layer[i]! >= 0) this.#reach(this.#slots.slotOf(layer[i]!));
    const counts = this.#countsOf(name);
    for (let i = from; i < to; i++) {
      if (layer[i]! < 0) continue;
      const slot = this.#slots.slotOf(layer[i]!);
      this.computeNs[slot]! += sumNs[i]!;
      counts[slot]! += count[i]!;
      this.#computes[slot] = 1;
    }
  }

  #addReceives(layer: Int32Array, sumNs: Float64Array, from: number, to: number): void {
    for (let i = from; i < to; i++) {
      if (layer[i]! < 0) continue;
      const slot = this.#slots.slotOf(layer[i]!);
      this.#reach(slot);
      this.receiveNs[slot]! += sumNs[i]!;
    }
  }

  hasCompute(slot: number): boolean {
    return this.#computes[slot] === 1;
  }

  /** Keys of the layer that has most: each has each compute stage once. */
  keys(): number {
    let most = 0;
    for (const counts of this.#counts.values()) {
      for (const count of counts) if (count > most) most = count;
    }
    return most;
  }

  receivesNs(): number {
    let sum = 0;
    for (const ns of this.receiveNs) sum += ns;
    return sum;
  }

  #countsOf(name: string): Float64Array {
    const known = this.#counts.get(name);
    if (known !== undefined) return known;
    const counts = new Float64Array(this.computeNs.length);
    this.#counts.set(name, counts);
    return counts;
  }

  #reach(slot: number): void {
    const { length } = this.computeNs;
    if (slot < length) return;
    const room = Math.max(slot + 1, 2 * length);
    this.computeNs = grown(this.computeNs, room);
    this.receiveNs = grown(this.receiveNs, room);
    for (const [name, counts] of this.#counts) this.#counts.set(name, grown(counts, room));
    const computes = new Uint8Array(room);
    computes.set(this.#computes);
    this.#computes = computes;
  }
}

function grown(column: Float64Array, length: number): Float64Array {
  const longer = new Float64Array(length);
  longer.set(column);
  return longer;
}
