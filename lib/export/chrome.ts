/**
 * A Chrome trace (JSON) that Perfetto and chrome://tracing show without dropping anything, and that
 * loses nothing: `args` hold what the sender said, and `afd_source` metadata who it was.
 *
 *     process = worker      thread = stream (track-layout.ts)      flow = a micro-batch's way
 *
 * Times are decimal microseconds with all their nanoseconds, after `baseTimeNanoseconds`: a whole
 * second near the events, so that neither it nor they are rounded where numbers are doubles.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { type BubbleSegment, CAUSE_NAMES } from './bubble-causes.ts';
import type { ExportPart, RowChoice } from './export-part.ts';
import { microseconds } from './instant-text.ts';
import { forEachArg } from './slice-args.ts';
import { TextPieces } from './text-pieces.ts';
import { type Slice, type SliceSink, TraceSlices } from './trace-slices.ts';
import { type LayoutSink, type Process, type Track, TrackLayout } from './track-layout.ts';

export interface TraceOptions {
  /** A whole second, at or before most events. */
  readonly baseUnixNs: UnixNanos;
  readonly choice: RowChoice;
  /** A track a worker that says why it waited. */
  readonly withBubbles: boolean;
  /** What the file says of itself. */
  readonly about: ReadonlyMap<string, string>;
}

export async function* chromeTrace(
  parts: AsyncIterable<ExportPart>,
  options: TraceOptions,
): AsyncGenerator<Uint8Array> {
  const { baseUnixNs, choice, withBubbles, about } = options;
  const out = new TextPieces();
  out.add(
    `{"displayTimeUnit":"ns","baseTimeNanoseconds":${baseUnixNs},` +
      `"otherData":${JSON.stringify(Object.fromEntries(about))},"traceEvents":[\n` +
      '{"ph":"M","pid":0,"name":"afd_export","args":{"version":1}}',
  );
  const writer = new ChromeWriter(out);
  const slices = new TraceSlices(baseUnixNs, choice, new TrackLayout(writer), withBubbles, writer);
  for await (const part of parts) {
    const writing = slices.add(part);
    while (writing.next().done !== true) if (out.isFull) yield out.take();
  }
  const { events, slices: written, flows } = slices.counts;
  out.add(`\n],"afdscope":{"events":${events},"slices":${written},"flows":${flows}}}\n`);
  yield out.take();
}

class ChromeWriter implements LayoutSink, SliceSink {
  readonly #out: TextPieces;

  constructor(out: TextPieces) {
    this.#out = out;
  }

  process({ pid, name, order }: Process): void {
    this.#metadata(pid, null, 'process_name', { name });
    this.#metadata(pid, null, 'process_sort_index', { sort_index: order });
  }

  track({ tid, process, name, order }: Track): void {
    this.#metadata(process.pid, tid, 'thread_name', { name });
    this.#metadata(process.pid, tid, 'thread_sort_index', { sort_index: order });
  }

  source(index: number, { pid }: Process, info: WorkerInfo): void {
    this.#metadata(pid, null, 'afd_source', { source: index, ...info });
  }

  /** Slices say themselves when they end. */
  close(): void {}

  slice(slice: Slice): void {
    const { track, name, startNs, endNs, stops } = slice;
    const place = `"pid":${track.process.pid},"tid":${track.tid}`;
    let text =
      `,\n{"ph":"X","cat":"${track.stream}","name":${JSON.stringify(name)},${place},` +
      `"ts":${microseconds(startNs)},"dur":${microseconds(endNs - startNs)},"args":{${argsJson(slice)}}}`;
    for (const { id, kind, phase, atNs } of stops) {
      const binds = phase === 's' ? '' : ',"bp":"e"';
      text +=
        `,\n{"ph":"${phase}","cat":"afd","name":"${kind}","id":${id},${place},` +
        `"ts":${microseconds(atNs)}${binds}}`;
    }
    this.#out.add(text);
  }

  bubble(track: Track, startNs: number, endNs: number, { cause, culprit }: BubbleSegment): void {
    const who = culprit === null ? '' : `"because_of":${JSON.stringify(culprit)}`;
    this.#out.add(
      `,\n{"ph":"X","cat":"bubble","name":"${CAUSE_NAMES[cause]}","pid":${track.process.pid},` +
        `"tid":${track.tid},"ts":${microseconds(startNs)},"dur":${microseconds(endNs - startNs)},` +
        `"args":{${who}}}`,
    );
  }

  #metadata(pid: number, tid: number | null, name: string, args: object): void {
    const thread = tid === null ? '' : `"tid":${tid},`;
    this.#out.add(
      `,\n{"ph":"M","pid":${pid},${thread}"name":"${name}","args":${JSON.stringify(args)}}`,
    );
  }
}

function argsJson(slice: Slice): string {
  let text = '';
  forEachArg(slice, (name, value) => {
    const json =
      typeof value === 'number'
        ? String(value)
        : typeof value === 'string'
          ? JSON.stringify(value)
          : `[${value.join()}]`;
    text += `${text === '' ? '' : ','}"${name}":${json}`;
  });
  return text;
}
