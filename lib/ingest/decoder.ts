/**
 * Bytes of one OTLP request -> columns. The collector has one for all requests, reading files has
 * one for all files: what it remembers (senders, stage names, series) is bounded by its limits.
 */
import { err, ok, type Result } from '#lib/base/result.ts';
import type { PackedTimes } from '#lib/table/packed-times.ts';
import { countSpans } from '#lib/wire/count-spans.ts';
import { MalformedInput } from '#lib/wire/malformed-input.ts';
import { countLogsJson, countLogsProtobuf } from '#lib/wire/otlp-logs.ts';
import { readMetricsJson } from '#lib/wire/otlp-metrics-json.ts';
import { readMetricsProtobuf } from '#lib/wire/otlp-metrics-protobuf.ts';
import { readTracesJson } from '#lib/wire/otlp-traces-json.ts';
import { readTracesProtobuf } from '#lib/wire/otlp-traces-protobuf.ts';
import { SpanRecord } from '#lib/wire/span-record.ts';
import { SpanShapes } from '#lib/wire/span-shapes.ts';
import type { DecodeLimits } from './decode-limits.ts';
import type { Decoded, Encoding, MalformedBody, Signal } from './decoded.ts';
import { MetricColumns } from './metric-columns.ts';
import { PackedColumns } from './packed-columns.ts';
import { Resources } from './resources.ts';
import { ShapeCodes } from './shape-codes.ts';
import { StageNames } from './stage-names.ts';
import { SPAN_BINDING, TraceColumns } from './trace-columns.ts';

export { DEFAULT_DECODE_LIMITS, type DecodeLimits } from './decode-limits.ts';

/** Bytes of a small span, for a first guess at the number of rows. */
const JSON_SPAN_BYTES = 480;
/** More rows are made room for as they come: a body may be full of spans that are refused. */
const MAX_FIRST_CAPACITY = 1 << 19;

export interface DecoderOptions {
  /**
   * Packed steps of which every event is wanted as it is come as `Decoded.packed`, their bytes as
   * received; without it all come as events.
   */
  readonly keepPacked?: boolean;
}

export class Decoder {
  readonly #limits: DecodeLimits;
  readonly #record = new SpanRecord(SPAN_BINDING);
  readonly #shapes = new SpanShapes();
  readonly #resources: Resources;
  readonly #stages: StageNames;
  readonly #shapeCodes = new ShapeCodes();
  readonly #packed: PackedColumns;
  readonly #series = new Set<string>();

  constructor(limits: DecodeLimits, { keepPacked = false }: DecoderOptions = {}) {
    this.#limits = limits;
    this.#resources = new Resources(limits);
    this.#stages = new StageNames(limits.maxStages);
    this.#packed = new PackedColumns(this.#stages, limits, keepPacked);
  }

  /** Never throws for bad input; `body` stays as it is and is not kept. */
  decode(signal: Signal, encoding: Encoding, body: Uint8Array): Result<Decoded, MalformedBody> {
    // One class of array for all callers: a Buffer now and then would slow down every read.
    const bytes = new Uint8Array(body.buffer, body.byteOffset, body.byteLength);
    try {
      switch (signal) {
        case 'traces':
          return ok(this.#traces(encoding, bytes));
        case 'metrics':
          return ok(this.#metrics(encoding, bytes));
        case 'logs':
          return ok(logs(encoding, bytes));
      }
    } catch (error) {
      if (!(error instanceof MalformedInput)) throw error;
      return err({ message: error.message, byteOffset: error.byteOffset });
    } finally {
      // The record must not keep the body alive.
      this.#record.use(NO_BYTES, NO_VIEW);
    }
  }

  /** Uses the memory of a request's times for later ones; nobody may read them any more. */
  recycle(packedTimes: readonly PackedTimes[]): void {
    this.#packed.recycle(packedTimes);
  }

  #traces(encoding: Encoding, body: Uint8Array): Decoded {
    const rows = encoding === 'json' ? body.length / JSON_SPAN_BYTES : countSpans(body);
    const capacity = Math.min(Math.ceil(rows), MAX_FIRST_CAPACITY);
    const sink = new TraceColumns(
      this.#resources,
      this.#stages,
      this.#shapeCodes,
      this.#packed,
      this.#limits,
      capacity,
    );
    if (encoding === 'json') readTracesJson(body, this.#record, sink);
    else readTracesProtobuf(body, this.#record, this.#shapes, sink);
    return {
      signal: 'traces',
      received: sink.received,
      events: sink.finish(),
      ...this.#packed.finish(),
      metrics: [],
      logRecords: 0,
      rejected: sink.tally.rejected,
      marks: sink.tally.marks.list(),
      rejectedCount: sink.tally.rejectedCount,
      rejectedMessage: sink.tally.message(this.#packed.any ? 'event' : 'span'),
    };
  }

  #metrics(encoding: Encoding, body: Uint8Array): Decoded {
    const sink = new MetricColumns(this.#resources, this.#series, this.#limits);
    const read = encoding === 'json' ? readMetricsJson : readMetricsProtobuf;
    read(body, sink);
    const metrics = sink.finish();
    return {
      signal: 'metrics',
      received: sink.received,
      events: [],
      packed: [],
      packedTimes: [],
      metrics,
      logRecords: 0,
      rejected: sink.tally.rejected,
      marks: [],
      rejectedCount: sink.tally.rejectedCount,
      rejectedMessage: sink.tally.message('metric point'),
    };
  }
}

const NO_BYTES = new Uint8Array(0);
const NO_VIEW = new DataView(NO_BYTES.buffer);

function logs(encoding: Encoding, body: Uint8Array): Decoded {
  const count = encoding === 'json' ? countLogsJson(body) : countLogsProtobuf(body);
  return {
    signal: 'logs',
    received: count,
    events: [],
    packed: [],
    packedTimes: [],
    metrics: [],
    logRecords: count,
    rejected: new Map(),
    marks: [],
    rejectedCount: 0,
    rejectedMessage: '',
  };
}
