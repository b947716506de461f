/** A tile as plain objects, and the same by brute force from the events. */

import { causeSegments } from '#lib/analysis/cause-segments.ts';
import { CAUSES } from '#lib/analysis/causes.ts';
import { decodeColumnFrame } from '#lib/api/column-frame.ts';
import {
  type TimelineBinColumns,
  type TimelineEventColumns,
  type TimelineTileHeader,
  timelineTileHeaderSchema,
} from '#lib/api/timeline-tile.ts';
import { nanosBetween, unixNanos } from '#lib/base/units.ts';
import { assemble } from '#lib/model/assemble.ts';
import { selectWindow } from '#lib/model/select-window.ts';
import { type Tile, tileBytes } from '#lib/query/tile-answer.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { KINDS, Phase } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { earlierOf, laterOf } from '#lib/table/instants.ts';
import { workerId } from '#lib/table/worker-info.ts';

export interface TilePart {
  readonly worker: string;
  readonly stage: string;
  readonly kind: string;
  readonly startUnixNs: bigint;
  readonly durationNs: number;
  readonly step: number;
  readonly layer: number;
  readonly microbatch: number;
}

export interface DecodedTile {
  readonly header: TimelineTileHeader;
  readonly events: TimelineEventColumns;
  readonly bins: TimelineBinColumns;
}

/** Through its bytes, with its header checked. */
export function decodedTile(tile: Tile): DecodedTile {
  const { header, columns } = decodeColumnFrame(tileBytes(tile).bytes);
  return {
    header: timelineTileHeaderSchema.parse(header),
    events: columns as unknown as TimelineEventColumns,
    bins: columns as unknown as TimelineBinColumns,
  };
}

export function partsOf({ header, events }: DecodedTile): TilePart[] {
  const from = BigInt(header.window.startUnixNs);
  return Array.from(events.row, (row, i) => ({
    worker: header.rows[row]!.workerId,
    stage: header.stages[events.stage[i]!]!,
    kind: header.kinds[events.kind[i]!]!,
    startUnixNs: from + BigInt(events.startNs[i]!),
    durationNs: events.durationNs[i]!,
    step: events.step[i]!,
    layer: events.layer[i]!,
    microbatch: events.microbatch[i]!,
  }));
}

/** Sorted texts, for comparing as sets. */
export function textsOf(parts: readonly TilePart[]): string[] {
  return parts
    .map((part) => Object.values(part).map(String).join(' '))
    .sort((a, b) => (a < b ? -1 : 1));
}

export interface TileBubble {
  readonly worker: string;
  readonly cause: string;
  readonly culprit: string | null;
  readonly startUnixNs: bigint;
  readonly durationNs: number;
}

export function bubblesOf({ header, events }: DecodedTile): TileBubble[] {
  const from = BigInt(header.window.startUnixNs);
  return Array.from(events.bubbleRow, (row, i) => ({
    worker: header.rows[row]!.workerId,
    cause: header.causes[events.bubbleCause[i]!]!,
    culprit: header.rows[events.bubbleCulprit[i]!]?.workerId ?? null,
    startUnixNs: from + BigInt(events.bubbleStartNs[i]!),
    durationNs: events.bubbleDurationNs[i]!,
  }));
}

/** From all events of the deployment, assembled at once. */
export function trueBubbles(
  tables: readonly EventTable[],
  deployment: string,
  { fromUnixNs, toUnixNs }: TimeWindow,
): TileBubble[] {
  const all = assemble(tables, deployment);
  const base = all.events.baseUnixNs;
  const window = {
    fromNs: nanosBetween(base, fromUnixNs),
    toNs: nanosBetween(base, toUnixNs),
  };
  const selected = selectWindow(all, window);
  const { workers } = selected.events;
  return causeSegments(selected, window, [...workers.keys()]).flatMap((own, w) =>
    Array.from(own.startNs, (startNs, i) => ({
      worker: workerId(workers[w]!),
      cause: CAUSES[own.cause[i]!]!,
      culprit: own.culprit[i]! < 0 ? null : workerId(workers[own.culprit[i]!]!),
      startUnixNs: base + BigInt(startNs),
      durationNs: own.endNs[i]! - startNs,
    })),
  );
}

/** Events that a naive reader takes from tables: without copies, warm-up and capture. */
function plainEvents(tables: readonly EventTable[]): (TilePart & { readonly peers: string })[] {
  const seen = new Map<string, TilePart & { readonly peers: string }>();
  for (const table of tables) {
    for (let i = 0; i < table.length; i++) {
      if (table.phase[i] === Phase.warmup || table.phase[i] === Phase.capture) continue;
      const { peers: list } = table.lists;
      const listed =
        list === null ? [] : [...list.values.slice(list.offsets[i], list.offsets[i + 1])];
      const event = {
        worker: workerId(table.workers[table.worker[i]!]!),
        stage: table.stageNames[table.stage[i]!]!,
        kind: KINDS[table.kind[i]!]!,
        startUnixNs: table.baseUnixNs + BigInt(table.startNs[i]!),
        durationNs: table.durationNs[i]!,
        step: table.step[i]!,
        layer: table.layer[i]!,
        microbatch: table.microbatch[i]!,
        domain: table.domain[i]!,
        peers:
          listed.length > 0 ? listed.join() : table.peer[i] === -1 ? '' : String(table.peer[i]),
      };
      seen.set(JSON.stringify(Object.values(event).map(String)), event);
    }
  }
  return [...seen.values()];
}

/**
 * The parts of every event that overlap the window. Every receive has a matching send, and no number of
 * a step comes twice.
 */
export function trueParts(
  tables: readonly EventTable[],
  { fromUnixNs, toUnixNs }: TimeWindow,
): TilePart[] {
  const events = plainEvents(tables);
  const endOf = (event: TilePart): bigint => event.startUnixNs + BigInt(event.durationNs);
  const sendsByKey = Map.groupBy(
    events.filter(({ kind, stage }) => kind !== 'receive' && stage.endsWith('_send')),
    keyText,
  );
  const receivesByKey = Map.groupBy(
    events.filter(({ kind }) => kind === 'receive'),
    (event) => `${event.worker} ${keyText(event)}`,
  );
  const parts: TilePart[] = [];
  const add = (event: TilePart, kind: string, from: bigint, to: bigint): void => {
    if (from >= toUnixNs || (to <= fromUnixNs && from < fromUnixNs)) return;
    const { worker, stage, step, layer, microbatch } = event;
    const durationNs = Number(to - from);
    parts.push({ worker, stage, kind, startUnixNs: from, durationNs, step, layer, microbatch });
  };
  for (const event of events) {
    if (event.kind !== 'receive') {
      add(event, event.kind, event.startUnixNs, endOf(event));
      continue;
    }
    const same = receivesByKey.get(`${event.worker} ${keyText(event)}`)!;
    const first = same.map(({ startUnixNs }) => startUnixNs).reduce(least);
    const last = same.map(endOf).reduce(most);
    const rank = event.worker.split('/')[1]!;
    const named = new Set(same.flatMap(({ peers }) => peers.split(',')));
    const sends = (sendsByKey.get(keyText(event)) ?? []).filter(
      (send) =>
        (send.peers === '' || send.peers.split(',').includes(rank)) &&
        (named.has('') || named.has(send.worker.split('/')[1]!)),
    );
    if (sends.length === 0) throw new Error('a receive without a send');
    const sent = sends.map(({ startUnixNs }) => startUnixNs).reduce(most);
    const cut = least(most(sent, first), last);
    const from = event.startUnixNs;
    const to = endOf(event);
    if (cut > from) add(event, 'wait', from, least(cut, to));
    if (cut < to || cut <= from) add(event, 'transfer', most(cut, from), to);
  }
  return parts;
}

function least(a: bigint, b: bigint): bigint {
  return earlierOf(unixNanos(a), unixNanos(b));
}

function most(a: bigint, b: bigint): bigint {
  return laterOf(unixNanos(a), unixNanos(b));
}

function keyText(event: TilePart & { readonly domain?: number }): string {
  const way = event.stage.startsWith('a2f') ? 'a2f' : 'f2a';
  return [way, event.domain, event.step, event.layer, event.microbatch].join(' ');
}
