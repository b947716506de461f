/**
 * The collector, put together: admin server first (so that a long migration can be watched), then
 * store, live view, receivers. It ends the other way round: nothing new is accepted, what was
 * accepted is committed and answered, streams and servers close.
 */
import { randomBytes } from 'node:crypto';
import {
  type AdminServer,
  type ReadinessFacts,
  startAdmin,
} from '#collector/admin/admin-server.ts';
import type { AnnotationWriter } from '#collector/admin/annotation-routes.ts';
import { LiveClients } from '#collector/admin/live-clients.ts';
import { createMetrics, type Metrics } from '#collector/admin/metrics.ts';
import { alertStoreOf, type RunningAlerts, startAlerts } from '#collector/alert/start-alerts.ts';
import { ImportService } from '#collector/import/import-service.ts';
import { PullBoard } from '#collector/incident/pull-board.ts';
import { type RunningRecorder, startRecorder } from '#collector/incident/start-recorder.ts';
import { type IngestService, startIngest } from '#collector/ingest/ingest-client.ts';
import { type LiveHub, startLive } from '#collector/live/live-hub.ts';
import { CollectorWatch } from '#collector/observe/collector-watch.ts';
import { ConditionBoard } from '#collector/observe/condition-board.ts';
import type { Logger } from '#collector/observe/log.ts';
import { findOwnEndpoint, wantsTracing } from '#collector/observe/own-endpoint.ts';
import { startTracing, type Tracing } from '#collector/observe/tracing.ts';
import { ByteBudget } from '#collector/receive/byte-budget.ts';
import { FrontDoor } from '#collector/receive/front-door.ts';
import { startOtlpGrpc } from '#collector/receive/otlp-grpc.ts';
import { startOtlpHttp } from '#collector/receive/otlp-http.ts';
import type { OtlpReceiver } from '#collector/receive/receiver.ts';
import {
  AGAIN_LATER,
  ReceiverStats,
  SIGNALS,
  TRANSPORTS,
} from '#collector/receive/receiver-stats.ts';
import { baseUrl } from '#collector/supervise/announce.ts';
import { describeListenError } from '#collector/supervise/ports.ts';
import { errorText } from '#lib/base/error-text.ts';
import { fileProblem } from '#lib/base/file-problem.ts';
import { giveBackStart } from '#lib/base/garbage-watch.ts';
import type { Config } from '#lib/config/load-config.ts';
import { type Address, formatAddress } from '#lib/config/quantities.ts';
import { DEFAULT_DECODE_LIMITS } from '#lib/ingest/decode-limits.ts';
import { makeFolder } from '#lib/store/make-folder.ts';
import { REJECT_REASONS, type RejectCounts } from '#lib/table/reject-reasons.ts';

export interface CollectorOptions {
  readonly config: Config;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly version: string;
  readonly log: Logger;
  /** Only a restart helps: the process should exit. */
  readonly onFatal: (reason: string) => void;
}

/** Where a running collector is. */
export interface CollectorAddresses {
  /** Base URL. */
  readonly otlpHttp: string;
  /** host:port */
  readonly otlpGrpc: string;
  readonly admin: string;
}

/** Thrown by `start`, with a line that says what to do. */
export class CollectorStartError extends Error {
  override readonly name = 'CollectorStartError';
}

/** Senders get so long to read their answers; their requests are committed by then. */
const RECEIVER_GRACE_MS = 2000;

type Phase = 'starting' | 'accepting' | 'stopping';

interface Parts {
  readonly metrics: Metrics;
  readonly clients: LiveClients;
  readonly state: AnnotationWriter;
  readonly ingest: IngestService;
  readonly imports: ImportService;
  readonly incidents: RunningRecorder['recorder'];
  readonly recording: RunningRecorder;
  readonly alerts: RunningAlerts;
  readonly live: LiveHub;
}

export class Collector {
  readonly adminToken: string;
  readonly startedUnixMs = Date.now();
  readonly #options: CollectorOptions;
  readonly #receiverStats: ReceiverStats;
  readonly #board: ConditionBoard;
  readonly #watch: CollectorWatch;
  readonly #door: FrontDoor;
  readonly #pulls = new PullBoard(Date.now);
  #phase: Phase = 'starting';
  #parts: Parts | null = null;
  /** Ends what was opened while the rest was not: its threads would keep the process, and the folder. */
  #halfOpen: (() => Promise<unknown>)[] = [];
  #receivers: OtlpReceiver[] = [];
  #admin: AdminServer | undefined;
  #tracing: Tracing | null = null;
  #addresses: CollectorAddresses | null = null;

  constructor(options: CollectorOptions) {
    this.#options = options;
    this.#receiverStats = new ReceiverStats(new ByteBudget(options.config.limits.bytesInFlight));
    this.#board = new ConditionBoard(options.log);
    this.#watch = new CollectorWatch({
      board: this.#board,
      stats: this.#receiverStats,
      ingest: () => this.#parts?.ingest,
      door: () => this.#door,
    });
    this.#door = new FrontDoor({
      budget: this.#receiverStats.budget,
      pressure: () => this.#watch.pressure(),
    });
    this.adminToken = options.env.AFDSCOPE_ADMIN_TOKEN || randomBytes(32).toString('base64url');
  }

  /** Resolves when OTLP is accepted. After a rejection, `stop` closes what was opened. */
  async start(): Promise<CollectorAddresses> {
    const { config, env } = this.#options;
    this.#refuseOwnEndpoint([config.otlpHttp, config.otlpGrpc]);
    makeDataFolder(config.dataDir);
    this.#admin = await listening('admin', config.admin, () => this.#startAdmin());
    if (wantsTracing(env)) this.#tracing = await startTracing(env);
    const parts = await this.#openParts();
    this.#parts = parts;
    this.#halfOpen = [];
    const receiverOptions = {
      ingest: this.#tracing?.wrapIngest(parts.ingest) ?? parts.ingest,
      stats: this.#receiverStats,
      door: this.#door,
      pulls: this.#pulls,
      maxBodyBytes: config.limits.bodyBytes,
    };
    const http = await listening('otlp.http', config.otlpHttp, () =>
      startOtlpHttp({
        ...receiverOptions,
        ...config.otlpHttp,
        corsOrigins: config.corsOrigins,
      }),
    );
    this.#receivers.push(http);
    const grpc = await listening('otlp.grpc', config.otlpGrpc, () =>
      startOtlpGrpc({ ...receiverOptions, ...config.otlpGrpc }),
    );
    this.#receivers.push(grpc);
    // Ports that were chosen just now could be those of the endpoint, too.
    this.#refuseOwnEndpoint([http, grpc]);
    this.#phase = 'accepting';
    this.#watch.start();
    giveBackStart();
    this.#addresses = {
      otlpHttp: baseUrl(http.host, http.port),
      otlpGrpc: formatAddress(grpc),
      admin: baseUrl(this.#admin.host, this.#admin.port),
    };
    return this.#addresses;
  }

  /** Everything that was accepted is on disk when this resolves. */
  async stop(): Promise<void> {
    this.#phase = 'stopping';
    this.#watch.stop();
    for (const receiver of this.#receivers) receiver.drain();
    await Promise.all(this.#receivers.map((receiver) => receiver.close(RECEIVER_GRACE_MS)));
    for (const close of this.#halfOpen.reverse()) await close();
    await this.#parts?.imports.stop();
    await this.#parts?.alerts.stop();
    await this.#parts?.recording.stop();
    // The live view reads the database; the writer closes last, so that it empties the log.
    await this.#parts?.live.stop();
    await this.#parts?.ingest.stop();
    await this.#admin?.close();
    await this.#tracing?.stop();
  }

  async #openParts(): Promise<Parts> {
    const { config, log, onFatal } = this.#options;
    let metrics: Metrics | undefined;
    const rejected: RejectCounts = {};
    const ingest = await startIngest({
      dataDir: config.dataDir,
      store: config.store,
      limits: DEFAULT_DECODE_LIMITS,
      retention: config.retention,
      onFatal,
      onCommit: (commit) => {
        metrics?.observeCommit(commit);
        for (const reason of REJECT_REASONS) {
          rejected[reason] = (rejected[reason] ?? 0) + (commit.rejected[reason] ?? 0);
        }
        this.#tracing?.observeCommit(commit);
      },
      onDataLost: (what) => this.#board.begin('data-lost', what),
      onState: (state) => this.#watch.storeState(state),
      onWarning: (message) => log.warn(message),
    }).catch((error: unknown) => {
      throw new CollectorStartError(errorText(error));
    });
    this.#halfOpen.push(() => ingest.stop());
    const live = await startLive({
      dataDir: config.dataDir,
      store: config.store,
      onPort: (port) => ingest.attachLive(port),
      onWarning: (message) => log.warn(message),
    });
    this.#halfOpen.push(() => live.stop());
    ingest.attachLive(live.port);
    const state: AnnotationWriter = {
      putAnnotation: async (annotation) => {
        await ingest.change({ kind: 'put-annotation', annotation });
      },
      deleteAnnotation: (annotationId) =>
        ingest.change({ kind: 'delete-annotation', annotationId }),
    };
    const imports = new ImportService({
      dataDir: config.dataDir,
      maxBytes: config.importMaxBytes,
      kernels: config.kernels,
      step: (step) => ingest.importStep(step),
      onWarning: (message) => log.warn(message),
      nowUnixMs: Date.now,
    });
    await imports.start();
    this.#halfOpen.push(() => imports.stop());
    let alerting: RunningAlerts | undefined;
    const recording = await startRecorder({
      config,
      version: this.#options.version,
      ingest,
      rules: () => alerting?.activeRules() ?? [],
      warn: (message) => log.warn(message),
      pulls: this.#pulls,
    });
    this.#halfOpen.push(() => recording.stop());
    const alerts = await startAlerts({
      config,
      env: this.#options.env,
      store: alertStoreOf(ingest),
      overviews: () => live.latestOverviews(),
      conditions: () => this.#watch.conditions(),
      recorder: recording.recorder,
      board: this.#board,
      log,
    });
    alerting = alerts;
    const clients = new LiveClients(live);
    metrics = createMetrics({
      version: this.#options.version,
      receiver: this.#receiverStats,
      ingest: () => ingest.stats(),
      rejected: () => rejected,
      live,
      clients,
      board: this.#board,
      door: this.#door,
      pulls: this.#pulls,
      alerts,
      nowUnixMs: Date.now,
    });
    const incidents = recording.recorder;
    return { metrics, clients, state, ingest, imports, incidents, recording, live, alerts };
  }

  #startAdmin(): Promise<AdminServer> {
    const { config, log } = this.#options;
    return startAdmin({
      address: config.admin,
      parts: () => this.#parts,
      adminToken: this.adminToken,
      nowUnixMs: Date.now,
      notReady: () => this.#notReady(),
      readiness: () => this.#readiness(),
      notAlive: () => {
        const state = this.#parts?.ingest.state();
        return state?.status === 'fatal' ? [state.reason] : [];
      },
      status: () => this.#status(),
      onError: (error) => log.error({ err: error }, 'an admin request failed'),
    });
  }

  #notReady(): string[] {
    if (this.#phase === 'starting') return ['the store is being opened'];
    if (this.#phase === 'stopping') return ['the collector is stopping'];
    return this.#watch
      .conditions()
      .filter(({ name, notReady }) => notReady && name !== 'store-stopped')
      .map(({ name, detail }) => `${name}: ${detail}`);
  }

  #readiness(): ReadinessFacts {
    const stats = this.#receiverStats;
    return {
      conditions: this.#watch.conditions(),
      queueWaitMs: Math.round(this.#parts?.ingest.queueWaitMs() ?? 0),
      waitingRequests: this.#door.waiting,
      refused: Object.fromEntries(
        AGAIN_LATER.map((refusal) => [refusal, stats.total(refusal)] as const),
      ),
    };
  }

  #status(): unknown {
    const parts = this.#parts;
    return {
      version: this.#options.version,
      pid: process.pid,
      startedUnixMs: this.startedUnixMs,
      phase: this.#phase,
      notReady: this.#notReady(),
      addresses: this.#addresses,
      ingest: parts?.ingest.stats() ?? null,
      receiver: SIGNALS.flatMap((signal) =>
        TRANSPORTS.map((transport) => ({
          signal,
          transport,
          ...this.#receiverStats.counts(signal, transport),
        })),
      ),
      inFlightBytes: this.#receiverStats.inFlightBytes,
      ...this.#readiness(),
      pulls: this.#pulls.open(),
      live: {
        deployments: parts?.live.deployments() ?? [],
        clients: parts?.clients.count ?? 0,
        stats: parts?.live.stats() ?? null,
      },
    };
  }

  #refuseOwnEndpoint(listeners: readonly Address[]): void {
    const problem = findOwnEndpoint(this.#options.env, listeners);
    if (problem !== null) throw new CollectorStartError(problem);
  }
}

function makeDataFolder(path: string): void {
  try {
    makeFolder(path);
  } catch (error) {
    const problem = fileProblem(error, path);
    if (problem === null) throw error;
    throw new CollectorStartError(`the data folder ${problem}, or choose another (--data)`);
  }
}

/** Gives the system's error codes words. */
async function listening<T>(key: string, address: Address, start: () => Promise<T>): Promise<T> {
  try {
    return await start();
  } catch (error) {
    if (error instanceof Error && 'code' in error && 'syscall' in error) {
      throw new CollectorStartError(describeListenError(key, address, String(error.code)));
    }
    throw error;
  }
}
