/**
 * How much each cell (key, worker) of the key times had to do:
 *
 *     side        first             second
 *     attention   context tokens    requests, else tokens
 *     ffn         routed tokens     tokens of its busiest expert
 *
 * They are measures of the side's main stage (attention, expert), whose time depends on them. The
 * largest counts where a cell has several such events: each describes the same micro-batch.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { ABSENT, Kind, Stage } from '#lib/table/codes.ts';
import type { Measure } from '#lib/table/event-table.ts';
import { type KeyTimes, sideOf } from './key-times.ts';

/** One entry a cell; ABSENT where its events do not say. */
export interface CellLoads {
  readonly first: Float64Array;
  readonly second: Float64Array;
}

/** By side: the stage whose time depends on the load, and the measures that say how large it is. */
export const LOAD_OF_SIDE: readonly {
  readonly stage: number;
  readonly first: Measure;
  readonly second: Measure;
  /** Instead of `second`, where an event carries only this. */
  readonly otherSecond: Measure | null;
}[] = [
  {
    stage: Stage.attention,
    first: 'contextTokens',
    second: 'requests',
    otherSecond: 'tokens',
  },
  { stage: Stage.expert, first: 'tokens', second: 'expertsMaxTokens', otherSecond: null },
];

/** `steps`: 1 for the steps wanted, by row of the step table; absent: all. */
export function cellLoads(assembled: Assembled, times: KeyTimes, steps?: Uint8Array): CellLoads {
  const { events, keys, room } = assembled;
  const loads = {
    first: room.float64(times.length).fill(ABSENT),
    second: room.float64(times.length).fill(ABSENT),
  };
  const cellOf = new Int32Array(keys.length).fill(-1);
  events.workers.forEach(({ role }, w) => {
    const side = sideOf(role);
    if (side < 0) return;
    // A cell of another worker is below this worker's first.
    for (let cell = times.offsets[w]!; cell < times.offsets[w + 1]!; cell++) {
      cellOf[times.key[cell]!] = cell;
    }
    addLoads(assembled, times.offsets[w]!, w, side, cellOf, loads, steps);
  });
  return loads;
}

function addLoads(
  { events, offsets, stepOf, keyOf }: Assembled,
  firstCell: number,
  w: number,
  side: number,
  cellOf: Int32Array,
  loads: CellLoads,
  steps: Uint8Array | undefined,
): void {
  const { stage, kind, measures } = events;
  const load = LOAD_OF_SIDE[side]!;
  const first = measures[load.first];
  const second = measures[load.second];
  const other = load.otherSecond === null ? null : measures[load.otherSecond];
  if (first === null && second === null && other === null) return;
  for (let row = offsets[w]!; row < offsets[w + 1]!; row++) {
    if (stage[row] !== load.stage || kind[row] !== Kind.compute) continue;
    const key = keyOf[row]!;
    if (key < 0 || (steps !== undefined && steps[stepOf[row]!] === 0)) continue;
    const cell = cellOf[key]!;
    if (cell < firstCell) continue;
    if (first !== null && first[row]! > loads.first[cell]!) loads.first[cell] = first[row]!;
    let value = second === null ? ABSENT : second[row]!;
    if (value < 0 && other !== null) value = other[row]!;
    if (value > loads.second[cell]!) loads.second[cell] = value;
  }
}
