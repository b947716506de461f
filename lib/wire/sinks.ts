/** Where the OTLP readers put what they read. A sink knows meanings; a reader knows bytes. */
import type { SpanRecord } from './span-record.ts';

/** An OTLP AnyValue. 64-bit integers come as numbers; those beyond 2^53 lose their low bits. */
export type AttributeValue =
  | string
  | number
  | boolean
  | null
  | readonly AttributeValue[]
  | { readonly [key: string]: AttributeValue };

export type Attributes = ReadonlyMap<string, AttributeValue>;

export interface ResourceSink {
  /**
   * The encoded resource that follows. true: the sink knows these very bytes and has taken the
   * resource up; false: the reader must read it and call `resource`.
   */
  knownResource(bytes: Uint8Array, view: DataView, start: number, byteCount: number): boolean;
  /** What the resource says; an empty map where a request has none. */
  resource(attributes: Attributes): void;
}

export interface TraceSink extends ResourceSink {
  /** One span; the record is reused for the next. */
  span(record: SpanRecord): void;
}

export interface MetricDescription {
  readonly name: string;
  readonly unit: string;
  readonly type: 'gauge' | 'sum' | 'histogram';
  readonly cumulative: boolean;
  readonly monotonic: boolean;
}

export interface MetricPoint {
  readonly timeHigh: number;
  readonly timeLow: number;
  readonly attributes: Attributes;
  /** Number points: the value. Histograms: the sum, null where the sender has none. */
  readonly value: number | null;
  /** Observations of a histogram point; 1 for the others. */
  readonly count: number;
  readonly bounds: readonly number[];
  readonly buckets: readonly number[];
  /** The sender's "no recorded value" flag. */
  readonly noValue: boolean;
}

export interface MetricSink extends ResourceSink {
  point(metric: MetricDescription, point: MetricPoint): void;
  /** Points of a type that is not stored. */
  unsupported(points: number): void;
}
