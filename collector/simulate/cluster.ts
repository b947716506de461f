/**
 * The running cluster: simulates two consecutive steps, reports each when it would really have
 * ended, then lets as many steps pass unseen as `reportEvery` asks for, and so on in real time.
 *
 *     steps     40 41 42 43 … 59 60 61 62 …      reportEvery 10
 *     reported  ■■ ■■                ■■ ■■           two of every twenty, so that cadence shows
 */
import { NS_PER_MS, NS_PER_S, type UnixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import type { ScenarioName } from '#lib/pipeline/scenarios.ts';
import { PipelineSimulation } from '#lib/pipeline/simulation.ts';
import { ABSENT, Stage } from '#lib/table/codes.ts';
import type { EventRow } from '#lib/table/event-table-builder.ts';
import { ExportHealth } from './export-health.ts';
import { type FaultRequest, faultsOf } from './fault-request.ts';
import {
  clusterSpec,
  PACKED_EVENTS_PER_SECOND,
  type SimulateOptions,
  SPANS_PER_SECOND,
} from './options.ts';
import { WorkerReporter } from './worker-reporter.ts';

const STEPS_TOGETHER = 2;
/** How often a hanging cluster looks whether its fault was taken back. */
const HUNG_POLL_MS = 200;
/** A scenario switch waits so long for the spans of the one before to be taken. */
const RESTART_GRACE_MS = 2000;
/** Spans between two looks at the event loop. */
const SPANS_AT_ONCE = 1000;

export interface ClusterStatus {
  readonly scenario: ScenarioName;
  readonly step: number;
  readonly hung: boolean;
  readonly stepMs: number | null;
  readonly reportEvery: number | null;
  readonly spansReported: number;
  readonly spansExported: number;
  readonly spansLost: number;
}

export class SimulatedCluster {
  readonly #options: SimulateOptions;
  readonly #health: ExportHealth;
  /** Simulated time zero. Wall time advances by the monotonic clock, so that no step jumps. */
  readonly #originUnixNs: UnixNanos;
  readonly #originMs: number;
  readonly #stopped = new AbortController();
  #request: FaultRequest;
  #faults: Faults = {};
  #scenario: ScenarioName;
  #wanted: ScenarioName;
  #simulation: PipelineSimulation;
  #reporters: WorkerReporter[];
  #restarts = 0;
  #events: EventRow[] = [];
  #hung = false;
  #stepNs: number | null = null;
  #reportEvery: number | null;
  #spansReported = 0;

  constructor(options: SimulateOptions, say: (text: string) => void) {
    this.#options = options;
    this.#health = new ExportHealth(options.otlpUrl, say);
    this.#health.watchQueue();
    this.#originMs = performance.now();
    this.#originUnixNs = unixNanosFromMs(performance.timeOrigin + this.#originMs);
    this.#scenario = options.scenario;
    this.#wanted = options.scenario;
    this.#request = { scenario: options.scenario };
    this.#reportEvery = options.reportEvery;
    this.#simulation = this.#newSimulation(0);
    this.#reporters = this.#newReporters();
  }

  get spec() {
    return clusterSpec(this.#options, this.#wanted);
  }

  /** The last request, with the scenario that it left as it was. */
  get request(): FaultRequest {
    return this.#request;
  }

  get status(): ClusterStatus {
    return {
      scenario: this.#scenario,
      step: this.#simulation.nextStepNumber,
      hung: this.#hung,
      stepMs: this.#stepNs === null ? null : this.#stepNs / NS_PER_MS,
      reportEvery: this.#reportEvery,
      spansReported: this.#spansReported,
      spansExported: this.#health.spansExported,
      spansLost: this.#health.spansLost,
    };
  }

  /** Replaces all faults; a scenario that is not named stays. Takes hold with the next steps. */
  apply(request: FaultRequest): void {
    this.#wanted = request.scenario ?? this.#wanted;
    this.#request = { ...request, scenario: this.#wanted };
    this.#faults = faultsOf(request);
  }

  /** Runs until `stop`. */
  async run(): Promise<void> {
    while (!this.#stopped.signal.aborted) {
      if (this.#wanted !== this.#scenario) await this.#restart();
      await this.#runTogether();
    }
  }

  /** Ends `run`, sends what is queued; resolves after `graceMs` at the latest. */
  async stop(graceMs: number): Promise<void> {
    this.#stopped.abort();
    await shutdownAll(this.#reporters, graceMs);
  }

  #newSimulation(firstStep: number): PipelineSimulation {
    const sink = { add: (event: EventRow) => void this.#events.push(event) };
    const spec = clusterSpec(this.#options, this.#scenario);
    return new PipelineSimulation(spec, this.#options.seed + this.#restarts, sink, firstStep);
  }

  #newReporters(): WorkerReporter[] {
    const startedUnixS = this.#originUnixNs / 1_000_000_000n;
    return this.#simulation.workers.map((worker) => {
      const incarnation = `${worker.incarnation}/${startedUnixS}-${this.#restarts}`;
      return new WorkerReporter(worker, incarnation, this.#health);
    });
  }

  /** Another scenario is another deployment of the engine: its workers start anew. */
  async #restart(): Promise<void> {
    await shutdownAll(this.#reporters, RESTART_GRACE_MS);
    this.#scenario = this.#wanted;
    this.#restarts++;
    this.#hung = false;
    this.#simulation = this.#newSimulation(this.#simulation.nextStepNumber);
    this.#reporters = this.#newReporters();
    this.#simulation.skipTo(this.#nowNs(), 0);
  }

  async #runTogether(): Promise<void> {
    const simulation = this.#simulation;
    const busyBefore = simulation.computeNs.slice();
    if (this.#hung) simulation.skipTo(this.#nowNs(), 0);
    const startNs = simulation.nowNs;
    const wasHung = this.#hung;
    this.#events = [];
    simulation.setFaults(this.#faults);
    const outcome = simulation.run(STEPS_TOGETHER);
    this.#hung = !outcome.completed;
    await this.#report(this.#events, startNs);
    const lengthNs = Math.max(1, outcome.endNs - startNs);
    this.#reporters.forEach((reporter, i) => {
      const busyNs = simulation.computeNs[i]! - busyBefore[i]!;
      reporter.setBusyRatio(this.#hung && wasHung ? 0 : busyNs / lengthNs);
    });
    if (this.#hung) {
      await this.#sleepMs(HUNG_POLL_MS);
      return;
    }
    if (wasHung) return;
    this.#stepNs = lengthNs / STEPS_TOGETHER;
    this.#skip(outcome.endNs, this.#stepNs);
  }

  /** Leaves out the steps that nobody sees, and more of them where this process fell behind. */
  #skip(endNs: number, stepNs: number): void {
    const perSecond = (this.#events.length / STEPS_TOGETHER) * (NS_PER_S / stepNs);
    const limit = this.#options.packed ? PACKED_EVENTS_PER_SECOND : SPANS_PER_SECOND;
    const affordable = Math.max(1, Math.ceil(perSecond / limit));
    this.#reportEvery = this.#options.reportEvery ?? affordable;
    const planned = STEPS_TOGETHER * (this.#reportEvery - 1);
    const behindNs = this.#nowNs() - (endNs + planned * stepNs);
    const missed = behindNs > 0 ? Math.ceil(behindNs / stepNs) : 0;
    const skipped = planned + missed;
    if (skipped > 0) this.#simulation.skipTo(endNs + skipped * stepNs, skipped);
  }

  /** Reports events step by step, each step when its last event has ended. */
  async #report(events: readonly EventRow[], notBeforeNs: number): Promise<void> {
    await this.#sleepUntilNs(notBeforeNs);
    const byStep = Map.groupBy(events, (event) => event.step ?? ABSENT);
    for (const [step, ofStep] of byStep) {
      const endNs = ofStep.reduce((last, e) => Math.max(last, e.startNs + e.durationNs), 0);
      await this.#sleepUntilNs(Math.min(endNs, this.#simulation.nowNs));
      if (this.#stopped.signal.aborted) return;
      const traceId = this.#traceId(step);
      if (this.#options.packed) await this.#reportPacked(ofStep, traceId);
      else await this.#reportSpans(ofStep, traceId);
      this.#recordTimePerOutputToken(ofStep);
    }
  }

  async #reportSpans(ofStep: readonly EventRow[], traceId: string): Promise<void> {
    for (let i = 0; i < ofStep.length; i++) {
      const event = ofStep[i]!;
      this.#reporters[event.worker]!.reportEvent(event, this.#originUnixNs, traceId);
      this.#spansReported++;
      if (i % SPANS_AT_ONCE === SPANS_AT_ONCE - 1) await yieldToEventLoop();
    }
  }

  async #reportPacked(ofStep: readonly EventRow[], traceId: string): Promise<void> {
    for (const [worker, events] of Map.groupBy(ofStep, (event) => event.worker)) {
      this.#reporters[worker]!.reportStep(events, this.#originUnixNs, traceId);
      this.#spansReported++;
      await yieldToEventLoop();
    }
  }

  /** A step gives each sequence one token, so its length on a worker is the time per token. */
  #recordTimePerOutputToken(ofStep: readonly EventRow[]): void {
    const firstNs = new Map<number, number>();
    for (const { worker, startNs } of ofStep) {
      firstNs.set(worker, Math.min(firstNs.get(worker) ?? Number.POSITIVE_INFINITY, startNs));
    }
    for (const { worker, stage, startNs, durationNs } of ofStep) {
      if (stage !== Stage.sample) continue;
      const reporter = this.#reporters[worker]!;
      reporter.recordTimePerOutputToken(startNs + durationNs - firstNs.get(worker)!);
    }
  }

  /** The same for all workers of one step: 16 digits for the run, 16 for the step. */
  #traceId(step: number): string {
    const run = (this.#originUnixNs / 1000n + BigInt(this.#restarts)).toString(16);
    return run.padStart(16, '0').slice(-16) + Math.max(0, step).toString(16).padStart(16, '0');
  }

  #nowNs(): number {
    return Math.round((performance.now() - this.#originMs) * NS_PER_MS);
  }

  #sleepUntilNs(timeNs: number): Promise<void> {
    return this.#sleepMs((timeNs - this.#nowNs()) / NS_PER_MS);
  }

  /** Ends early when the cluster is stopped. */
  #sleepMs(durationMs: number): Promise<void> {
    const { signal } = this.#stopped;
    return new Promise((resolve) => {
      if (signal.aborted || durationMs <= 0) {
        setImmediate(resolve);
        return;
      }
      const end = (): void => {
        clearTimeout(timer);
        signal.removeEventListener('abort', end);
        resolve();
      };
      const timer = setTimeout(end, durationMs);
      signal.addEventListener('abort', end);
    });
  }
}

function yieldToEventLoop(): Promise<void> {
  return new Promise((resolve) => {
    setImmediate(resolve);
  });
}

/** Sends what the reporters have queued; waits `graceMs` at most. */
async function shutdownAll(reporters: readonly WorkerReporter[], graceMs: number): Promise<void> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<void>((resolve) => {
    timer = setTimeout(resolve, graceMs);
  });
  await Promise.race([Promise.all(reporters.map((reporter) => reporter.shutdown())), late]);
  clearTimeout(timer);
}
