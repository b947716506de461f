/** One simulated worker as OpenTelemetry sees it: a resource with a tracer and a meter of its own. */
import { crc32 } from 'node:zlib';
import { type Attributes, type Histogram, ROOT_CONTEXT, type Tracer } from '@opentelemetry/api';
import { resourceFromAttributes } from '@opentelemetry/resources';
import { MeterProvider, PeriodicExportingMetricReader } from '@opentelemetry/sdk-metrics';
import { BatchSpanProcessor, RandomIdGenerator, TracerProvider } from '@opentelemetry/sdk-trace';
import { NS_PER_S, type UnixNanos } from '#lib/base/units.ts';
import { defaultKind } from '#lib/model/stages.ts';
import { STAGES } from '#lib/table/codes.ts';
import type { Measure } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { encodePackedStep } from '#lib/wire/packed-steps-encode.ts';
import type { ExportHealth } from './export-health.ts';
import { type GpuActivity, gpuActivity } from './gpu-activity.ts';

const SCOPE = 'afdscope.simulate';
const SPAN_DELAY_MS = 500;
const METRIC_INTERVAL_MS = 1000;
/** Several seconds of one worker's spans, then the SDK drops and says so. */
const QUEUE_SPANS = 8192;
const BATCH_SPANS = 4096;

const MEASURE_ATTRIBUTES: Readonly<Record<Measure, string>> = {
  tokens: 'afd.tokens',
  bytes: 'afd.bytes',
  flops: 'afd.flops',
  requests: 'afd.requests',
  contextTokens: 'afd.context_tokens',
  expertsActive: 'afd.experts.active',
  expertsMaxTokens: 'afd.experts.max_tokens',
  expertsMeanTokens: 'afd.experts.mean_tokens',
};

/** Seconds; fine around the 15 ms and 50 ms per token that people promise. */
const TPOT_BOUNDS_S = [
  0.005, 0.01, 0.0125, 0.015, 0.0175, 0.02, 0.025, 0.03, 0.04, 0.045, 0.05, 0.055, 0.06, 0.07, 0.08,
  0.1, 0.15, 0.2, 0.4, 1, 2.5,
];

export class WorkerReporter {
  readonly worker: WorkerInfo;
  readonly #tracerProvider: TracerProvider;
  readonly #tracer: Tracer;
  readonly #meterProvider: MeterProvider;
  readonly #tpot: Histogram | null;
  readonly #ids = new RandomIdGenerator();
  #traceId = this.#ids.generateTraceId();
  #activity: GpuActivity;

  constructor(worker: WorkerInfo, incarnation: string, health: ExportHealth) {
    this.worker = worker;
    const role = worker.role === 'ffn' ? 'ffn' : 'attention';
    this.#activity = gpuActivity(role, 0);
    const resource = resourceFromAttributes(resourceAttributes(worker, incarnation));
    this.#tracerProvider = new TracerProvider({
      resource,
      idGenerator: {
        generateTraceId: () => this.#traceId,
        generateSpanId: () => this.#ids.generateSpanId(),
      },
      spanProcessors: [
        new BatchSpanProcessor({
          exporter: health.traceExporter(),
          scheduledDelayMillis: SPAN_DELAY_MS,
          maxQueueSize: QUEUE_SPANS,
          maxExportBatchSize: BATCH_SPANS,
        }),
      ],
    });
    this.#tracer = this.#tracerProvider.getTracer(SCOPE);
    this.#meterProvider = new MeterProvider({
      resource,
      readers: [
        new PeriodicExportingMetricReader({
          exporter: health.metricExporter(),
          exportIntervalMillis: METRIC_INTERVAL_MS,
          exportTimeoutMillis: METRIC_INTERVAL_MS,
        }),
      ],
    });
    const meter = this.#meterProvider.getMeter(SCOPE);
    const gauge = (name: string, unit: string, read: (activity: GpuActivity) => number) =>
      meter
        .createObservableGauge(name, { unit })
        .addCallback((result) => result.observe(read(this.#activity)));
    gauge('hw.gpu.utilization', '1', (a) => a.utilizationRatio);
    gauge('DCGM_FI_PROF_SM_ACTIVE', '1', (a) => a.smActiveRatio);
    gauge('DCGM_FI_PROF_DRAM_ACTIVE', '1', (a) => a.dramActiveRatio);
    gauge('DCGM_FI_PROF_PIPE_TENSOR_ACTIVE', '1', (a) => a.tensorActiveRatio);
    gauge('DCGM_FI_DEV_POWER_USAGE', 'W', (a) => a.powerWatts);
    this.#tpot =
      role === 'attention'
        ? meter.createHistogram('gen_ai.server.time_per_output_token', {
            unit: 's',
            advice: { explicitBucketBoundaries: TPOT_BOUNDS_S },
          })
        : null;
  }

  /** Reports one event as a span; all spans of one step share `traceId` (32 hex digits). */
  reportEvent(event: EventRow, originUnixNs: UnixNanos, traceId: string): void {
    this.#traceId = traceId;
    const attributes: Attributes = { 'afd.step': event.step ?? -1 };
    if (event.layer !== undefined && event.layer >= 0) attributes['afd.layer'] = event.layer;
    if (event.microbatch !== undefined && event.microbatch >= 0) {
      attributes['afd.microbatch'] = event.microbatch;
    }
    if (event.domain !== undefined && event.domain !== this.worker.domain) {
      attributes['afd.domain'] = event.domain;
    }
    if (event.peer !== undefined && event.peer >= 0) attributes['afd.peer'] = event.peer;
    for (const name in event.measures) {
      const measure = name as Measure;
      const value = event.measures[measure];
      if (value !== undefined) attributes[MEASURE_ATTRIBUTES[measure]] = value;
    }
    const experts = event.lists?.expertTokens;
    if (experts !== undefined) attributes['afd.expert_tokens'] = [...experts];
    // The name says the stage, and the stage its kind: neither needs an attribute.
    this.#tracer
      .startSpan(
        STAGES[event.stage] ?? 'host',
        { startTime: hrTime(originUnixNs, event.startNs), attributes },
        ROOT_CONTEXT,
      )
      .end(hrTime(originUnixNs, event.startNs + event.durationNs));
  }

  /** Reports all events of a step, which must be this worker's, as one span. */
  reportStep(events: readonly EventRow[], originUnixNs: UnixNanos, traceId: string): void {
    this.#traceId = traceId;
    const builder = new EventTableBuilder(originUnixNs, [this.worker]);
    let startNs = Number.POSITIVE_INFINITY;
    let endNs = Number.NEGATIVE_INFINITY;
    for (const event of events) {
      builder.add({ ...event, worker: 0 });
      startNs = Math.min(startNs, event.startNs);
      endNs = Math.max(endNs, event.startNs + event.durationNs);
    }
    const rows = Array.from(events.keys());
    const packed = encodePackedStep(builder.finish(), rows, { crc32, defaultKind });
    const attributes: Attributes = { 'afd.step': events[0]?.step ?? -1, 'afd.packed': packed };
    this.#tracer
      .startSpan('afd.step', { startTime: hrTime(originUnixNs, startNs), attributes }, ROOT_CONTEXT)
      .end(hrTime(originUnixNs, endNs));
  }

  setBusyRatio(busyRatio: number): void {
    this.#activity = gpuActivity(this.worker.role === 'ffn' ? 'ffn' : 'attention', busyRatio);
  }

  recordTimePerOutputToken(durationNs: number): void {
    this.#tpot?.record(durationNs / NS_PER_S);
  }

  /** Sends what is queued and ends; resolves also where the receiver takes nothing. */
  async shutdown(): Promise<void> {
    await Promise.allSettled([this.#tracerProvider.shutdown(), this.#meterProvider.shutdown()]);
  }
}

/** `origin + offsetNs` as the SDK's [seconds, nanoseconds]: exact, which milliseconds are not. */
export function hrTime(origin: UnixNanos, offsetNs: number): [number, number] {
  const originS = Number(origin / 1_000_000_000n);
  const nanos = Number(origin % 1_000_000_000n) + offsetNs;
  const carryS = Math.floor(nanos / NS_PER_S);
  return [originS + carryS, nanos - carryS * NS_PER_S];
}

function resourceAttributes(worker: WorkerInfo, incarnation: string): Attributes {
  return {
    'service.name': worker.service,
    'service.instance.id': worker.instanceId,
    'host.name': worker.host,
    'hw.id': worker.hwId,
    'hw.type': 'gpu',
    'gen_ai.request.model': worker.model,
    'afd.deployment': worker.deployment,
    'afd.role': worker.role,
    'afd.group': worker.group,
    'afd.rank': worker.rank,
    'afd.domain': worker.domain,
    'afd.incarnation': incarnation,
    'afd.topology': worker.topology,
    'afd.microbatches': worker.microbatches,
    'afd.layers': worker.layers,
    'afd.connector': worker.connector,
    'afd.clock.domain': worker.clockDomain,
    'afd.send_end': worker.sendEnd,
  };
}
