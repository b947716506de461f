/**
 * A worker with OpenTelemetry's own SDK, configured by its own variables (OTEL_…), in a process of
 * its own: `node sdk-sender-child.ts RANK SPANS_PER_SECOND SECONDS`. Span i has `afd.step` i. Prints what
 * it made as one line of JSON when everything was given to the exporter.
 */
import { ROOT_CONTEXT, trace } from '@opentelemetry/api';
import { NodeSDK } from '@opentelemetry/sdk-node';

const [rank = 0, spansPerSecond = 0, seconds = 0] = process.argv.slice(2).map(Number);
const TICK_MS = 50;

const sdk = new NodeSDK({ metricReaders: [], logRecordProcessors: [] });
sdk.start();
const tracer = trace.getTracer('degraded-test');
const total = spansPerSecond * seconds;
const startedMs = performance.now();
let made = 0;
while (made < total) {
  const due = Math.min(total, ((performance.now() - startedMs) / 1000) * spansPerSecond);
  while (made < due) {
    const attributes = { 'afd.step': made++, 'afd.layer': rank };
    tracer.startSpan('attention', { attributes }, ROOT_CONTEXT).end();
  }
  await new Promise((resolve) => setTimeout(resolve, TICK_MS));
}
await sdk.shutdown().catch(() => undefined);
process.stdout.write(`${JSON.stringify({ made })}\n`);
