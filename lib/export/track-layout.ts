/**
 * Which process, thread and track everything is shown in. A worker is a process, a stream of it a
 * thread. Viewers drop slices of one thread that overlap without nesting, so each goes to the first
 * track of its stream that is free:
 *
 *     transfer     ████····██████······
 *     transfer 2   ··████████···███····
 */
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { workerKey } from '#lib/table/worker-key.ts';

/** In the order in which they are shown. */
export const STREAMS = ['compute', 'transfer', 'wait', 'bubble', 'copy', 'host'] as const;
export type Stream = (typeof STREAMS)[number];

/** Spans of a host are calls that nest; everything else takes turns. */
const NESTS: readonly Stream[] = ['host'];

export interface Process {
  readonly pid: number;
  readonly id: string;
  readonly info: WorkerInfo;
  /** As it is shown: "attention/0 (node-1)". */
  readonly name: string;
  readonly order: number;
}

export interface Track {
  /** Of the whole file, from 1. */
  readonly tid: number;
  readonly process: Process;
  readonly stream: Stream;
  readonly name: string;
  readonly order: number;
  /** Ends of the slices that are open, outermost first. */
  readonly openEndsNs: number[];
}

export interface LayoutSink {
  process(process: Process): void;
  track(track: Track): void;
  /** A sender's description, numbered as it is met; several where a worker restarted. */
  source(index: number, process: Process, info: WorkerInfo): void;
  /** The innermost slice of the track ends. */
  close(track: Track, endNs: number): void;
}

export class TrackLayout {
  readonly #sink: LayoutSink;
  readonly #processes = new Map<string, Process>();
  readonly #tracks = new Map<string, Track[]>();
  readonly #sources = new Map<string, number>();
  #tids = 0;

  constructor(sink: LayoutSink) {
    this.#sink = sink;
  }

  process(info: WorkerInfo): Process {
    const id = workerId(info);
    const known = this.#processes.get(id);
    if (known !== undefined) return known;
    const side = info.role === 'ffn' ? 1 : 0;
    const process: Process = {
      pid: this.#processes.size + 1,
      id,
      info,
      name: info.host === '' ? id : `${id} (${info.host})`,
      order: side * 1_000_000 + Math.min(999_999, info.rank),
    };
    this.#processes.set(id, process);
    this.#sink.process(process);
    return process;
  }

  source(info: WorkerInfo): number {
    const key = workerKey(info);
    const known = this.#sources.get(key);
    if (known !== undefined) return known;
    const index = this.#sources.size;
    this.#sources.set(key, index);
    this.#sink.source(index, this.process(info), info);
    return index;
  }

  /** Puts a slice on a track. Slices of one stream come by start, equal ones the longest first. */
  place(process: Process, stream: Stream, startNs: number, endNs: number): Track {
    const key = `${process.pid} ${stream}`;
    const tracks = this.#tracks.get(key) ?? [];
    if (tracks.length === 0) this.#tracks.set(key, tracks);
    const nests = NESTS.includes(stream);
    for (const track of tracks) {
      const ends = track.openEndsNs;
      while (ends.length > 0 && ends.at(-1)! <= startNs) this.#sink.close(track, ends.pop()!);
      if (ends.length > 0 && !(nests && ends.at(-1)! >= endNs)) continue;
      ends.push(endNs);
      return track;
    }
    const number = tracks.length + 1;
    const track: Track = {
      tid: ++this.#tids,
      process,
      stream,
      name: number === 1 ? stream : `${stream} ${number}`,
      order: STREAMS.indexOf(stream) * 1000 + number,
      openEndsNs: [endNs],
    };
    tracks.push(track);
    this.#sink.track(track);
    return track;
  }

  /** Closes what is open. */
  finish(): void {
    for (const tracks of this.#tracks.values()) {
      for (const track of tracks) {
        while (track.openEndsNs.length > 0) this.#sink.close(track, track.openEndsNs.pop()!);
      }
    }
  }
}
