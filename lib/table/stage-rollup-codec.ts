/**
 * Stage rollups and bands as bytes. Rollups of events are written as bits (stage-bits.ts); bands, and
 * rollups for which that has no form, as the frame of every chunk, a small header, then columns of
 * residuals (column-codec.ts), which a general compressor shrinks. What predicts what:
 *
 *     sumNs       count times the mean of the row before of the same stage
 *     minNs       the row's own mean, from above; maxNs from below
 *     the rest    the row before of the same stage
 *
 * Layers of a model resemble each other, and so do the workers of a group. Columns with anything but
 * integers within ±2^51 are kept as plain doubles. Slices come first, so that a reader of slices can
 * leave the cells alone.
 */
import { type ColumnRoom, FRESH_ROOM } from '#lib/base/column-room.ts';
import { unixNanos } from '#lib/base/units.ts';
import {
  CHUNK_VERSION,
  ChunkContent,
  checkFrame,
  damaged,
  FRAME_BYTES,
  openFrame,
  parseHeader,
  sealFrame,
} from './chunk-frame.ts';
import { ColumnReader, ColumnWriter } from './column-codec.ts';
import { type BandWorker, roleOf, type StageBands } from './stage-bands.ts';
import { BITS_VERSION, encodeStageBits, StageBitsReader } from './stage-bits.ts';
import {
  filled,
  integers,
  noSketches,
  readDeltas,
  readSketches,
  readSlices,
  readSums,
  requireBelow,
} from './stage-columns-read.ts';
import { writeDeltas, writeIndices, writeSketches, writeSums } from './stage-columns-write.ts';
import type { StageCells, StageRollup, StageSlices } from './stage-rollups.ts';

/** Far more than layers times stages, or workers times stages, can be. */
const MAX_ROWS = 2 ** 22;
const MAX_BINS = 2 ** 26;

interface RollupHeader {
  readonly cells: number;
  readonly bins: number;
  /** -1: no slices. */
  readonly slices: number;
  readonly stages: readonly string[];
}

interface BandsHeader {
  readonly rows: number;
  readonly deployment: string;
  readonly resolutionNs: number;
  readonly bucketStartUnixNs: string;
  readonly stages: readonly string[];
  readonly workers: readonly (readonly [id: string, group: string, role: string, rank: number])[];
}

/** What a row's blob holds; the rest of a `StageRollup` are the row's own columns. */
export type StageRollupContent = Pick<StageRollup, 'cells' | 'slices'>;

/**
 * `room`: memory that the bytes may lie in, while it is large enough; its place in its buffer is a
 * multiple of 4.
 */
export function encodeStageRollup(
  content: StageRollupContent,
  room: Uint8Array = new Uint8Array(content.cells.length * 24 + 512),
): Uint8Array {
  return encodeStageBits(content, room) ?? encodeStageColumns(content, room);
}

/** Version 1: what version 2 has no form for, and what was stored before there was one. */
export function encodeStageColumns(
  { cells, slices }: StageRollupContent,
  room?: Uint8Array,
): Uint8Array {
  const header: RollupHeader = {
    cells: cells.length,
    bins: cells.sketchBin.length,
    slices: slices === null ? -1 : slices.length,
    stages: cells.stageNames,
  };
  return framed(
    ChunkContent.stageRollups,
    header,
    cells.length * 32 + 256,
    (out) => {
      if (slices !== null) {
        writeDeltas(out, slices.slice);
        writeIndices(out, slices.stage);
        writeSums(out, slices, slices.stage);
      }
      writeDeltas(out, cells.stage);
      writeDeltas(out, cells.layer);
      writeSums(out, cells, cells.stage);
      writeSketches(out, cells);
    },
    room,
  );
}

/**
 * Without `sketches`, cells have no bins: that takes half the time. `room`: where the columns'
 * memory comes from.
 * @throws ChunkFormatError where the bytes are something else, or not whole
 */
export function decodeStageRollup(
  bytes: Uint8Array,
  sketches = true,
  room: ColumnRoom = FRESH_ROOM,
): StageRollupContent {
  const opened = openRollup(bytes, room);
  if (opened instanceof StageBitsReader) {
    const slices = opened.slices();
    return { cells: opened.cells(sketches), slices };
  }
  const { header, input } = opened;
  const slices = readSlices(input, header, room);
  const n = header.cells;
  const stage = filled(room.uint16(n), readDeltas(input, n));
  requireBelow(stage, header.stages.length);
  const layer = filled(room.int32(n), readDeltas(input, n));
  const sums = readSums(input, n, stage);
  const cells: StageCells = {
    length: n,
    stageNames: header.stages,
    stage,
    layer,
    ...sums,
    ...(sketches ? readSketches(input, n, header.bins, stage, room) : noSketches(n)),
  };
  if (sketches) input.end();
  return { cells, slices };
}

/** The slices alone, with the names that their stages index. @throws ChunkFormatError */
export function decodeStageSlices(bytes: Uint8Array): {
  readonly slices: StageSlices | null;
  readonly stageNames: readonly string[];
} {
  const opened = openRollup(bytes, FRESH_ROOM);
  if (opened instanceof StageBitsReader) {
    return { slices: opened.slices(), stageNames: opened.stageNames };
  }
  const { header, input } = opened;
  return { slices: readSlices(input, header, FRESH_ROOM), stageNames: header.stages };
}

export function encodeStageBands(bands: StageBands): Uint8Array {
  const header: BandsHeader = {
    rows: bands.length,
    deployment: bands.deployment,
    resolutionNs: bands.resolutionNs,
    bucketStartUnixNs: String(bands.bucketStartUnixNs),
    stages: bands.stageNames,
    workers: bands.workers.map(({ workerId, group, role, rank }) => [workerId, group, role, rank]),
  };
  return framed(ChunkContent.stageBands, header, bands.length * 24 + 256, (out) => {
    writeDeltas(out, bands.worker);
    writeIndices(out, bands.stage);
    writeSums(out, bands, bands.stage);
  });
}

/** @throws ChunkFormatError */
export function decodeStageBands(bytes: Uint8Array): StageBands {
  const { header: raw, columnsStart } = openFrame(bytes, ChunkContent.stageBands);
  const header = parseBands(raw);
  const input = new ColumnReader(bytes, columnsStart);
  const n = header.rows;
  const worker = Uint16Array.from(readDeltas(input, n));
  requireBelow(worker, header.workers.length);
  const stage = Uint16Array.from(integers(input, n));
  requireBelow(stage, header.stages.length);
  const sums = readSums(input, n, stage);
  input.end();
  return {
    deployment: header.deployment,
    resolutionNs: header.resolutionNs,
    bucketStartUnixNs: unixNanos(BigInt(header.bucketStartUnixNs)),
    length: n,
    workers: header.workers.map(
      ([workerId, group, role, rank]): BandWorker => ({
        workerId,
        group,
        role: roleOf(role),
        rank,
      }),
    ),
    stageNames: header.stages,
    worker,
    stage,
    ...sums,
  };
}

function framed(
  content: ChunkContent,
  header: RollupHeader | BandsHeader,
  capacity: number,
  write: (out: ColumnWriter) => void,
  room?: Uint8Array,
): Uint8Array {
  const headerBytes = new TextEncoder().encode(JSON.stringify(header));
  const out = new ColumnWriter(FRAME_BYTES + headerBytes.byteLength, capacity, room);
  write(out);
  const bytes = out.finish();
  bytes.set(headerBytes, FRAME_BYTES);
  sealFrame(bytes, content, headerBytes.byteLength);
  return bytes;
}

/** Of version 2, or 1. */
function openRollup(
  bytes: Uint8Array,
  room: ColumnRoom,
): StageBitsReader | { header: RollupHeader; input: ColumnReader } {
  const { version, columnsStart } = checkFrame(bytes, ChunkContent.stageRollups, BITS_VERSION);
  if (version !== CHUNK_VERSION) return new StageBitsReader(bytes, columnsStart, room);
  const fields = parseHeader(bytes, columnsStart) as Partial<Record<keyof RollupHeader, unknown>>;
  const header: RollupHeader = {
    cells: count(fields.cells, 0, MAX_ROWS),
    bins: count(fields.bins, 0, MAX_BINS),
    slices: count(fields.slices, -1, MAX_ROWS),
    stages: texts(fields.stages),
  };
  return { header, input: new ColumnReader(bytes, columnsStart, room) };
}

function parseBands(raw: unknown): BandsHeader {
  const fields = raw as Partial<Record<keyof BandsHeader, unknown>>;
  const { deployment, resolutionNs, bucketStartUnixNs, workers } = fields;
  if (typeof deployment !== 'string' || typeof resolutionNs !== 'number') {
    throw damaged('the header of bands has another form');
  }
  if (typeof bucketStartUnixNs !== 'string' || !/^-?\d{1,20}$/.test(bucketStartUnixNs)) {
    throw damaged('the bucket of bands is not an instant');
  }
  if (!Array.isArray(workers)) throw damaged('the workers of bands are not a list');
  return {
    rows: count(fields.rows, 0, MAX_ROWS),
    deployment,
    resolutionNs,
    bucketStartUnixNs,
    stages: texts(fields.stages),
    workers: workers.map((worker: unknown) => {
      if (!Array.isArray(worker)) throw damaged('a worker of bands has another form');
      const [id, group, role, rank]: readonly unknown[] = worker;
      if (typeof id !== 'string' || typeof group !== 'string' || typeof role !== 'string') {
        throw damaged('a worker of bands has no name');
      }
      if (typeof rank !== 'number') throw damaged('a worker of bands has no rank');
      return [id, group, role, rank] as const;
    }),
  };
}

function count(value: unknown, least: number, most: number): number {
  if (typeof value !== 'number' || !Number.isInteger(value) || value < least || value > most) {
    throw damaged('a count in the header is out of range');
  }
  return value;
}

function texts(value: unknown): readonly string[] {
  if (!Array.isArray(value)) throw damaged('the stage names are not a list');
  return value.map((name: unknown) => {
    if (typeof name !== 'string') throw damaged('a stage name is not text');
    return name;
  });
}
