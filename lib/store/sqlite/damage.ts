/** Stored data that cannot be read is left out, never a reason to stop. */
import { ChunkFormatError } from '#lib/table/chunk-frame.ts';

/** A stored chunk that cannot be read: skipped and counted, never silent. */
export interface DamagedChunk {
  readonly table: 'chunks' | 'packed_chunks' | 'metric_chunks' | 'journal' | 'stage_rollups';
  readonly id: number;
  readonly deployment: string;
  /** Events or points that it held; 1 for the sums of a bucket. */
  readonly rows: number;
  readonly message: string;
}

export type DamageListener = (chunk: DamagedChunk) => void;

/** null where what `read` reads is damaged; `onDamage` is told why. */
export function readable<T>(read: () => T, onDamage?: (message: string) => void): T | null {
  try {
    return read();
  } catch (cause) {
    if (!(cause instanceof ChunkFormatError)) throw cause;
    onDamage?.(cause.message);
    return null;
  }
}
