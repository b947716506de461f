/** Events that a search matches: all are counted; the first by time, or those nearest to an instant, kept. */
import { addNanos, nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import { isSetAside } from '#lib/model/concat-tables.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { KINDS } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { fitsNames, inRanges, type SearchQuery } from './search-query.ts';
import { onlyPeer } from './tile-events.ts';

export interface FoundEvent {
  readonly workerId: string;
  readonly stage: string;
  readonly kind: string;
  readonly domain: number;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
  readonly startUnixNs: UnixNanos;
  readonly durationNs: number;
}

export class EventSearch {
  readonly #query: SearchQuery;
  readonly #limit: number;
  readonly #near: UnixNanos | null;
  #found: FoundEvent[] = [];
  total = 0;
  /** Of these, what starts before the instant. */
  before = 0;

  /** `near` null: the first by time. */
  constructor(query: SearchQuery, limit: number, near: UnixNanos | null = null) {
    this.#query = query;
    this.#limit = limit;
    this.#near = near;
  }

  /** Events that start in `own`. */
  add(table: EventTable, deployment: string, own: TimeWindow): void {
    const { numbers, names, durations } = this.#query;
    const takes = this.#takenLanes(table, deployment);
    const kinds = Uint8Array.from(KINDS, (kind) => (fitsNames(names.get('kind'), kind) ? 1 : 0));
    const stages = table.stageNames.length;
    const ranges = {
      step: numbers.get('step'),
      layer: numbers.get('layer'),
      microbatch: numbers.get('mb'),
      domain: numbers.get('domain'),
    };
    const checks = (['step', 'layer', 'microbatch', 'domain'] as const).filter(
      (name) => ranges[name] !== undefined,
    );
    const peers = numbers.get('peer');
    const tokens = numbers.get('tokens');
    const fromNs = nanosBetween(table.baseUnixNs, own.fromUnixNs);
    const toNs = nanosBetween(table.baseUnixNs, own.toUnixNs);
    for (let row = 0; row < table.length; row++) {
      if (table.startNs[row]! < fromNs || table.startNs[row]! >= toNs) continue;
      if (takes[table.worker[row]! * stages + table.stage[row]!] === 0) continue;
      if (kinds[table.kind[row]!] === 0 || isSetAside(table.phase[row]!)) continue;
      if (!inRanges(durations, table.durationNs[row]!)) continue;
      if (!checks.every((name) => inRanges(ranges[name], table[name][row]!))) continue;
      if (peers !== undefined && !inRanges(peers, onlyPeer(table, row))) continue;
      if (tokens !== undefined && !inRanges(tokens, table.measures.tokens?.[row] ?? -1)) continue;
      this.#keep(table, row);
    }
  }

  /** By start, or nearest first. */
  finish(): readonly FoundEvent[] {
    this.#cut();
    return this.#found;
  }

  /** By worker and stage, 1: names and words fit. */
  #takenLanes(table: EventTable, deployment: string): Uint8Array {
    const { names, words } = this.#query;
    const takes = new Uint8Array(table.workers.length * table.stageNames.length);
    table.workers.forEach((info, w) => {
      const id = workerId(info);
      if (info.deployment !== deployment) return;
      if (!fitsNames(names.get('worker'), id) || !fitsNames(names.get('group'), info.group)) return;
      table.stageNames.forEach((stage, s) => {
        const text = `${id} ${stage}`.toLowerCase();
        const fits = fitsNames(names.get('stage'), stage) && words.every((w) => text.includes(w));
        takes[w * table.stageNames.length + s] = fits ? 1 : 0;
      });
    });
    return takes;
  }

  #keep(table: EventTable, row: number): void {
    this.total++;
    const startUnixNs = addNanos(table.baseUnixNs, table.startNs[row]!);
    if (this.#near !== null && startUnixNs < this.#near) this.before++;
    const info = table.workers[table.worker[row]!]!;
    this.#found.push({
      workerId: workerId(info),
      stage: table.stageNames[table.stage[row]!]!,
      kind: KINDS[table.kind[row]!]!,
      domain: table.domain[row]!,
      step: table.step[row]!,
      layer: table.layer[row]!,
      microbatch: table.microbatch[row]!,
      startUnixNs,
      durationNs: table.durationNs[row]!,
    });
    if (this.#found.length >= 4 * this.#limit + 1000) this.#cut();
  }

  #cut(): void {
    const near = this.#near;
    this.#found.sort(
      (a, b) =>
        (near === null ? 0 : distanceTo(near, a) - distanceTo(near, b)) ||
        Number(a.startUnixNs - b.startUnixNs) ||
        (a.workerId < b.workerId ? -1 : a.workerId > b.workerId ? 1 : 0) ||
        a.durationNs - b.durationNs,
    );
    this.#found.length = Math.min(this.#found.length, this.#limit);
  }
}

/** Nanoseconds from an instant to what happens at that time; 0 inside of it. */
export function distanceTo(
  near: UnixNanos,
  { startUnixNs, durationNs }: { readonly startUnixNs: UnixNanos; readonly durationNs: number },
): number {
  const offsetNs = Number(near - startUnixNs);
  return offsetNs < 0 ? -offsetNs : Math.max(0, offsetNs - durationNs);
}
