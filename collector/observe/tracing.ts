/**
 * The collector's own traces, when the environment names an endpoint for them: a span for each
 * request and each group commit, sampled. Their service name is how the receiver knows them and
 * drops them, should they come back over a detour.
 */
import { SpanStatusCode, trace } from '@opentelemetry/api';
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import type { CommitReport } from '#collector/ingest/thread-messages.ts';

export const OWN_SERVICE_NAME = 'afdscope';

/** One in so many; `OTEL_TRACES_SAMPLER` chooses otherwise. */
const SAMPLED_RATIO = 0.05;

export interface Tracing {
  /** The same service, with a span around every request. */
  wrapIngest(ingest: Pick<IngestService, 'submit'>): Pick<IngestService, 'submit'>;
  observeCommit(commit: CommitReport): void;
  stop(): Promise<void>;
}

/** Loads and starts the OpenTelemetry SDK, which reads its own variables. */
export async function startTracing(
  env: Readonly<Record<string, string | undefined>>,
): Promise<Tracing> {
  const [{ NodeSDK }, { ParentBasedSampler, TraceIdRatioBasedSampler }] = await Promise.all([
    import('@opentelemetry/sdk-node'),
    import('@opentelemetry/sdk-trace'),
  ]);
  const sampler =
    (env.OTEL_TRACES_SAMPLER ?? '') === ''
      ? {
          sampler: new ParentBasedSampler({ root: new TraceIdRatioBasedSampler(SAMPLED_RATIO) }),
        }
      : {};
  const sdk = new NodeSDK({
    serviceName: OWN_SERVICE_NAME,
    // Metrics are at /metrics, logs on stderr.
    metricReaders: [],
    logRecordProcessors: [],
    ...sampler,
  });
  sdk.start();
  const tracer = trace.getTracer(OWN_SERVICE_NAME);
  return {
    wrapIngest: (ingest) => ({
      async submit(signal, encoding, body, answerByMs) {
        const span = tracer.startSpan(`receive ${signal}`, {
          attributes: {
            'afdscope.signal': signal,
            'afdscope.encoding': encoding,
            'afdscope.body.size': body.byteLength,
          },
        });
        try {
          const outcome = await ingest.submit(signal, encoding, body, answerByMs);
          span.setAttribute('afdscope.outcome', outcome.status);
          if (outcome.status !== 'stored') span.setStatus({ code: SpanStatusCode.ERROR });
          return outcome;
        } finally {
          span.end();
        }
      },
    }),
    observeCommit: (commit) => {
      const endMs = Date.now();
      const span = tracer.startSpan('commit', {
        startTime: endMs - commit.commitMs,
        attributes: {
          'afdscope.requests': commit.requests,
          'afdscope.events': commit.events,
          'afdscope.metric_points': commit.metricPoints,
        },
      });
      if (!commit.ok) span.setStatus({ code: SpanStatusCode.ERROR });
      span.end(endMs);
    },
    // An endpoint that does not answer must not hold up the end of the process.
    stop: () => Promise.race([sdk.shutdown().catch(() => {}), unrefTimeout(1000)]),
  };
}

function unrefTimeout(delayMs: number): Promise<void> {
  return new Promise((resolve) => {
    setTimeout(resolve, delayMs).unref();
  });
}
