/**
 * Adds up what the store has that is in no sum by stage. Where the sums of all of it are more than
 * the memory that they may take, some seconds go to the store first, whole, with a note of which
 * they are; then what is left is read again. A crash in between loses and doubles nothing.
 */
import type { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import type { TelemetryStore, UnsummedPart } from '#lib/store/telemetry-store.ts';
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { selectSteps } from '#lib/table/packed-tables.ts';
import { type SecondTest, StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { releaseRollup } from '#lib/table/stage-bucket-take.ts';

type Seconds = ReadonlySet<number>;

type AddPart = (sums: StageAccumulator, part: UnsummedPart, isSkipped: SecondTest) => void;

export interface RecoverOptions {
  /** Throws while there is none. */
  readonly store: () => Pick<TelemetryStore, 'addStageRollups' | 'unsummed'>;
  readonly maxBytes: number;
  /** The newest append; 0: none came yet. */
  readonly newest: () => number;
  readonly add: AddPart;
  readonly warn: (message: string) => void;
  /** Called when appends after `through` must be added as they come. */
  readonly summed: (through: number) => void;
}

export async function recoverSums(options: RecoverOptions): Promise<void> {
  const { newest } = options;
  /** null: all seconds; some are put off where all of them need too much memory. */
  let wanted = null as Seconds | null;
  for (;;) {
    const before = newest();
    const { sums, through, ahead } = await readUnsummed(options, wanted, before || Infinity);
    const left: Seconds = sums.unsummedSeconds;
    const whole = sums.openSeconds().filter((second) => !left.has(second));
    const isAlone: boolean = left.size === 1 && whole.length === 0 && wanted?.size === 1;
    if (isAlone) {
      options.warn(`${sums.unsummedEvents} events of one second are too many for sums by stage`);
    }
    if (wanted === null && left.size === 0) {
      const all = Math.max(through, before);
      // What was appended meanwhile may have been missed by the reading, or not.
      const isLast = newest() === before;
      if (isLast) options.summed(all);
      await put(options, sums, () => true, all, new Map());
      if (isLast) return;
      continue;
    }
    const done = isAlone ? [...left] : whole;
    for (const second of done) ahead.set(second, Math.max(through, before));
    const isDone = new Set(done);
    await put(options, sums, (second) => isDone.has(second), 0, ahead);
    wanted = left.size === 0 || isAlone ? null : earlierHalf(left);
  }
}

/** All of it, of the wanted seconds. `ahead`: what the store's sums have of later appends. */
async function readUnsummed(
  { store, maxBytes, add }: RecoverOptions,
  wanted: Seconds | null,
  newest: number,
): Promise<{ sums: StageAccumulator; through: number; ahead: Map<number, number> }> {
  const sums = new StageAccumulator(maxBytes);
  const ahead = new Map<number, number>();
  let through = 0;
  for await (const part of store().unsummed()) {
    const { sequence, summedSeconds } = part;
    if (sequence > newest) continue;
    through = Math.max(through, sequence);
    for (const second of summedSeconds) {
      ahead.set(second, Math.max(ahead.get(second) ?? 0, sequence));
    }
    add(sums, part, (second) => summedSeconds.has(second) || wanted?.has(second) === false);
  }
  return { sums, through, ahead };
}

async function put(
  { store }: RecoverOptions,
  sums: StageAccumulator,
  isTaken: SecondTest,
  through: number,
  ahead: ReadonlyMap<number, number>,
): Promise<void> {
  const parts = sums.takeOf(isTaken);
  await store().addStageRollups(parts, through, ahead);
  for (const part of parts) releaseRollup(part);
}

/** At least one. */
function earlierHalf(seconds: Seconds): Seconds {
  const sorted = [...seconds].sort((a, b) => a - b);
  return new Set(sorted.slice(0, Math.ceil(sorted.length / 2)));
}

/** Steps whose payload is damaged are left out, as scans leave them out, and told. */
export function addStored(
  sums: StageAccumulator,
  { events, packed }: UnsummedPart,
  isSkipped: SecondTest,
  unpacker: PackedUnpacker,
  warn: (message: string) => void,
): void {
  if (events !== null) sums.addTable(events, isSkipped);
  if (packed === null) return;
  const leftOut = addReadable(sums, packed, isSkipped, unpacker);
  if (leftOut > 0) warn(`${leftOut} events of damaged steps are in no sums by stage`);
}

/** The events of steps that cannot be read. */
function addReadable(
  sums: StageAccumulator,
  steps: PackedTable,
  isSkipped: SecondTest,
  unpacker: PackedUnpacker,
): number {
  try {
    sums.addPacked(steps, unpacker.times(steps), null, isSkipped);
    return 0;
  } catch (cause) {
    if (!(cause instanceof ChunkFormatError)) throw cause;
    if (steps.length === 1) return steps.events;
  }
  let leftOut = 0;
  for (let row = 0; row < steps.length; row++) {
    leftOut += addReadable(sums, selectSteps(steps, Uint32Array.of(row)), isSkipped, unpacker);
  }
  return leftOut;
}
