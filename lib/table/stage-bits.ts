/**
 * Stage rollups as bits: version 2 of their chunks, which no compressor has to look at. A second of a
 * worker costs a third of what version 1 with zstd did, to write and to read, and a third fewer bytes.
 *
 *     frame     chunk-frame.ts, version 2; its header is
 *                   u32  cells, bins, slices + 1 (0: there are none), stages
 *                   of each stage: u8 1 + its code in STAGES; or 0, u16 byte length, UTF-8
 *                   zeros up to a multiple of 4
 *     bits      rice-bits.ts: slices (keys, sums), cells (keys, sums), sketches of the cells
 *
 * Only what sums of events look like is written so: integers, and bins that agree with the counts and
 * extremes of their cell. Anything else stays with version 1.
 */
import type { ColumnRoom } from '#lib/base/column-room.ts';
import { ChunkContent, damaged, FRAME_BYTES, sealFrame } from './chunk-frame.ts';
import { STAGES } from './codes.ts';
import { BitReader, BitWriter } from './rice-bits.ts';
import { readCellKeys, readSketches, readSliceKeys, readSums } from './stage-bits-read.ts';
import { writeCellKeys, writeSketches, writeSliceKeys, writeSums } from './stage-bits-write.ts';
import { noSketches } from './stage-columns-read.ts';
import type { StageCells, StageSlices } from './stage-rollups.ts';

export const BITS_VERSION = 2;

const COUNTS_BYTES = 16;
const MAX_NAME_BYTES = 65_535;
const codeOfStage = new Map<string, number>(STAGES.map((name, code) => [name, code]));

interface Content {
  readonly cells: StageCells;
  readonly slices: StageSlices | null;
}

/** null: version 1 it has to be. `room`: memory that the bytes may lie in, while it is large enough. */
export function encodeStageBits({ cells, slices }: Content, room: Uint8Array): Uint8Array | null {
  const names = namesOf(cells.stageNames);
  if (names === null) return null;
  const headerBytes = COUNTS_BYTES + names.byteLength;
  const start = FRAME_BYTES + headerBytes;
  const stages = cells.stageNames.length;
  const out = new BitWriter(start, room.byteLength < start ? new Uint8Array(start * 2) : room);
  if (slices !== null) {
    if (!writeSliceKeys(out, slices, stages)) return null;
    if (!writeSums(out, slices, slices.stage, slices.length, stages)) return null;
  }
  writeCellKeys(out, cells);
  if (!writeSums(out, cells, cells.stage, cells.length, stages)) return null;
  if (!writeSketches(out, cells)) return null;
  out.reserve(1);
  const bytes = out.finish();
  const view = new DataView(bytes.buffer, bytes.byteOffset + FRAME_BYTES, COUNTS_BYTES);
  view.setUint32(0, cells.length, true);
  view.setUint32(4, cells.sketchBin.length, true);
  view.setUint32(8, slices === null ? 0 : slices.length + 1, true);
  view.setUint32(12, stages, true);
  bytes.set(names, FRAME_BYTES + COUNTS_BYTES);
  sealFrame(bytes, ChunkContent.stageRollups, headerBytes, BITS_VERSION);
  return bytes;
}

/** Rows of one worker after the other have the same names. */
let lastNames: readonly string[] = [];
let lastNameBytes: Uint8Array | null = new Uint8Array(0);

function namesOf(stageNames: readonly string[]): Uint8Array | null {
  if (stageNames !== lastNames) {
    lastNameBytes = encodedNames(stageNames);
    lastNames = stageNames;
  }
  return lastNameBytes;
}

/** null: one is too long, or is no text that UTF-8 has. */
function encodedNames(stageNames: readonly string[]): Uint8Array | null {
  const bytes: number[] = [];
  for (const name of stageNames) {
    const code = codeOfStage.get(name);
    if (code !== undefined) {
      bytes.push(code + 1);
      continue;
    }
    const text = new TextEncoder().encode(name);
    if (text.byteLength > MAX_NAME_BYTES || !name.isWellFormed()) return null;
    bytes.push(0, text.byteLength & 0xff, text.byteLength >>> 8, ...text);
  }
  while (bytes.length % 4 !== 0) bytes.push(0);
  return Uint8Array.from(bytes);
}

export class StageBitsReader {
  readonly #input: BitReader;
  readonly #room: ColumnRoom;
  readonly #cells: number;
  readonly #bins: number;
  /** -1: none. */
  readonly #slices: number;
  readonly stageNames: readonly string[];

  /** Of a frame that was checked. @throws ChunkFormatError */
  constructor(bytes: Uint8Array, columnsStart: number, room: ColumnRoom) {
    const header = bytes.subarray(FRAME_BYTES, columnsStart);
    if (header.byteLength < COUNTS_BYTES || header.byteLength % 4 !== 0) {
      throw damaged('the header of sums is cut off');
    }
    const view = new DataView(header.buffer, header.byteOffset, header.byteLength);
    const bits = (bytes.byteLength - columnsStart) * 8;
    // A row of sums takes four bits, a bin that is not its cell's last takes one.
    this.#cells = count(view.getUint32(0, true), bits);
    this.#bins = count(view.getUint32(4, true), bits + this.#cells);
    this.#slices = count(view.getUint32(8, true), bits + 1) - 1;
    const stages = count(view.getUint32(12, true), header.byteLength);
    this.stageNames = readNames(header.subarray(COUNTS_BYTES), stages);
    this.#input = new BitReader(bytes, columnsStart);
    this.#room = room;
  }

  /** Comes first. */
  slices(): StageSlices | null {
    const length = this.#slices;
    if (length < 0) return null;
    const stages = this.stageNames.length;
    const keys = readSliceKeys(this.#input, length, stages, this.#room);
    return { length, ...keys, ...readSums(this.#input, length, keys.stage, stages, this.#room) };
  }

  /** After the slices. */
  cells(sketches: boolean): StageCells {
    const length = this.#cells;
    const stages = this.stageNames.length;
    const keys = readCellKeys(this.#input, length, stages, this.#room);
    const sums = readSums(this.#input, length, keys.stage, stages, this.#room);
    const cells = { length, stageNames: this.stageNames, ...keys, ...sums };
    if (!sketches) return { ...cells, ...noSketches(length) };
    const bins = readSketches(this.#input, sums, this.#bins, this.#room);
    this.#input.end();
    return { ...cells, ...bins };
  }
}

function count(value: number, most: number): number {
  if (value > most) throw damaged('a count in the header is out of range');
  return value;
}

function readNames(bytes: Uint8Array, stages: number): readonly string[] {
  const names: string[] = [];
  for (let at = 0; names.length < stages; ) {
    const code = bytes[at++];
    if (code === undefined) throw damaged('a stage has no name');
    if (code > 0) {
      const name = STAGES[code - 1];
      if (name === undefined) throw damaged(`stage ${code - 1} is not known`);
      names.push(name);
      continue;
    }
    const length = (bytes[at] ?? 0) | ((bytes[at + 1] ?? 0) << 8);
    const end = at + 2 + length;
    if (end > bytes.byteLength) throw damaged('the name of a stage is cut off');
    names.push(new TextDecoder('utf-8', { ignoreBOM: true }).decode(bytes.subarray(at + 2, end)));
    at = end;
  }
  return names;
}
