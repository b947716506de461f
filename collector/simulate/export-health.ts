/**
 * Tells people once that the receiver does not take the telemetry, and once that it does again.
 * The SDK's exporters retry on their own; what they give up is counted here.
 */
import { DiagLogLevel, diag } from '@opentelemetry/api';
import { OTLPMetricExporter } from '@opentelemetry/exporter-metrics-otlp-proto';
import { OTLPTraceExporter } from '@opentelemetry/exporter-trace-otlp-proto';

/** An exporter tries one batch for so long. */
const EXPORT_TIMEOUT_MS = 5000;

export class ExportHealth {
  readonly #otlpUrl: string;
  readonly #say: (text: string) => void;
  #failing = false;
  #spans = 0;
  #lostSpans = 0;

  constructor(otlpUrl: string, say: (text: string) => void) {
    this.#otlpUrl = otlpUrl;
    this.#say = say;
  }

  get spansExported(): number {
    return this.#spans;
  }

  /** Given up by the SDK after its retries. */
  get spansLost(): number {
    return this.#lostSpans;
  }

  /** Shows the SDK's own warnings about a full queue; its other messages repeat what is said here. */
  watchQueue(): void {
    let lastMs = Number.NEGATIVE_INFINITY;
    const warn = (message: string): void => {
      const dropped = /^Dropped (\d+) spans/.exec(message)?.[1];
      if (dropped === undefined) return;
      this.#lostSpans += Number(dropped);
      if (performance.now() - lastMs < 10_000) return;
      lastMs = performance.now();
      this.#say(`the receiver takes too little: ${this.#lostSpans} spans dropped so far`);
    };
    const nothing = (): void => {};
    diag.setLogger(
      { error: nothing, warn, info: nothing, debug: nothing, verbose: nothing },
      { logLevel: DiagLogLevel.WARN, suppressOverrideMessage: true },
    );
  }

  noteResult(spans: number, error: Error | undefined, succeeded: boolean): void {
    if (succeeded) {
      this.#spans += spans;
      if (this.#failing) this.#say(`${this.#otlpUrl} takes telemetry again`);
      this.#failing = false;
      return;
    }
    this.#lostSpans += spans;
    if (this.#failing) return;
    this.#failing = true;
    const why = error?.message || 'it refuses the connection';
    this.#say(`cannot report to ${this.#otlpUrl}: ${why}; is the collector up? Trying on`);
  }

  traceExporter(): OTLPTraceExporter {
    return new WatchedTraceExporter(this, this.#otlpUrl);
  }

  metricExporter(): OTLPMetricExporter {
    return new WatchedMetricExporter(this, this.#otlpUrl);
  }
}

type ExportSpans = OTLPTraceExporter['export'];
type ExportMetrics = OTLPMetricExporter['export'];

class WatchedTraceExporter extends OTLPTraceExporter {
  readonly #health: ExportHealth;

  constructor(health: ExportHealth, otlpUrl: string) {
    super({ url: `${otlpUrl}/v1/traces`, timeoutMillis: EXPORT_TIMEOUT_MS });
    this.#health = health;
  }

  override export(...[spans, done]: Parameters<ExportSpans>): void {
    super.export(spans, (result) => {
      this.#health.noteResult(spans.length, result.error, result.code === 0);
      done(result);
    });
  }
}

class WatchedMetricExporter extends OTLPMetricExporter {
  readonly #health: ExportHealth;

  constructor(health: ExportHealth, otlpUrl: string) {
    super({ url: `${otlpUrl}/v1/metrics`, timeoutMillis: 1000 });
    this.#health = health;
  }

  override export(...[metrics, done]: Parameters<ExportMetrics>): void {
    super.export(metrics, (result) => {
      this.#health.noteResult(0, result.error, result.code === 0);
      done(result);
    });
  }
}
