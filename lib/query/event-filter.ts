/** Which events of a timeline are wanted: by stage, layer, micro-batch and peer. */
import { isSetAside } from '#lib/model/concat-tables.ts';
import { ABSENT, Kind } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';

/** null: any. */
export interface EventFilter {
  readonly stages: ReadonlySet<string> | null;
  /** ABSENT (-1): events of the step. */
  readonly layer: number | null;
  readonly microbatch: number | null;
  /** A rank in the other group. */
  readonly peer: number | null;
}

export const EVERY_EVENT: EventFilter = { stages: null, layer: null, microbatch: null, peer: null };

/** Of shown phases, and as the filter says. */
export function wantedRow(table: EventTable, filter: EventFilter): (row: number) => boolean {
  const { phase, layer: layers, microbatch: microbatches, stage } = table;
  const { stages, layer, microbatch, peer } = filter;
  const takes =
    stages === null
      ? null
      : Uint8Array.from(table.stageNames, (name) => (stages.has(name) ? 1 : 0));
  return (row) =>
    !isSetAside(phase[row]!) &&
    (takes === null || takes[stage[row]!] === 1) &&
    (layer === null || layers[row] === layer) &&
    (microbatch === null || microbatches[row] === microbatch) &&
    (peer === null || concerns(table, row, peer));
}

/** Does the event name the rank? A transfer that names nobody means everybody. */
function concerns(table: EventTable, row: number, rank: number): boolean {
  const kind = table.kind[row]!;
  const peer = table.peer[row]!;
  if (peer === rank) return true;
  const list = table.lists.peers;
  const from = list === null ? 0 : list.offsets[row]!;
  const to = list === null ? 0 : list.offsets[row + 1]!;
  for (let i = from; i < to; i++) if (list!.values[i] === rank) return true;
  const namesNobody = peer === ABSENT && from === to;
  return namesNobody && (kind === Kind.transfer || kind === Kind.receive || kind === Kind.wait);
}
