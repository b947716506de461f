/** From what was found to the bytes of a tile. */
import { createHash } from 'node:crypto';
import { CAUSES } from '#lib/analysis/causes.ts';
import { type ColumnArray, encodeColumnFrame } from '#lib/api/column-frame.ts';
import { TIMELINE_STREAMS, type TimelineTileHeader } from '#lib/api/timeline-tile.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { KINDS } from '#lib/table/codes.ts';
import type { FrameBytes } from './questions.ts';
import type { TimelineTask } from './timeline-task.ts';
import { windowJson } from './window.ts';

export interface Tile {
  readonly header: TimelineTileHeader;
  readonly columns: Readonly<Record<string, ColumnArray>>;
}

type Found = Pick<
  TimelineTileHeader,
  | 'detail'
  | 'source'
  | 'resolutionNs'
  | 'binNs'
  | 'aligned'
  | 'receivesCut'
  | 'rows'
  | 'hiddenWorkers'
  | 'stages'
  | 'marks'
  | 'notes'
>;

export function tileHeader(
  { deployment }: TimelineTask,
  window: TimeWindow,
  found: Found,
): TimelineTileHeader {
  return {
    schema: 'afdscope.timeline-tile/1',
    deployment,
    window: windowJson(window),
    kinds: [...KINDS],
    streams: [...TIMELINE_STREAMS],
    causes: [...CAUSES],
    ...found,
  };
}

export function tileBytes({ header, columns }: Tile): FrameBytes {
  const bytes = encodeColumnFrame(header, columns);
  return { bytes, etag: `"${createHash('sha1').update(bytes).digest('base64url')}"` };
}
