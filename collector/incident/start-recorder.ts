/** The flight recorder of a running collector: what it knew before, and its clock. */
import type { IngestService } from '#collector/ingest/ingest-client.ts';
import { errorText } from '#lib/base/error-text.ts';
import type { Config } from '#lib/config/load-config.ts';
import { shownConfig } from '#lib/config/shown-config.ts';
import { EvidenceThreads } from './evidence-reader.ts';
import { FlightRecorder } from './flight-recorder.ts';
import type { PullBoard } from './pull-board.ts';

export interface StartOptions {
  readonly config: Config;
  readonly version: string;
  readonly ingest: Pick<IngestService, 'change'>;
  /** Alert rules as they are now. */
  readonly rules: () => readonly unknown[];
  readonly warn: (message: string) => void;
  /** What the receivers ask of workers. */
  readonly pulls: PullBoard;
}

const TICK_MS = 1000;
const RETRY_TICKS = 10;

export interface RunningRecorder {
  readonly recorder: FlightRecorder;
  stop(): Promise<void>;
}

/** Incidents that were recording when the last process ended go on. */
export async function startRecorder(options: StartOptions): Promise<RunningRecorder> {
  const { config, version, ingest, rules, warn, pulls } = options;
  const evidence = new EvidenceThreads({
    store: config.store,
    dataDir: config.dataDir,
    workerFile: new URL(import.meta.resolve('#lib/query/query-worker.ts')),
  });
  const recorder = new FlightRecorder({
    store: {
      change: async (changes) => void (await ingest.change({ kind: 'change-state', changes })),
      pin: async (pin) => void (await ingest.change({ kind: 'pin', pin })),
      unpin: async (pinId) => void (await ingest.change({ kind: 'unpin', pinId })),
    },
    evidence,
    config: config.alerts,
    rawBytes: config.retention.rawBytes,
    setup: () => ({
      version,
      config: Object.fromEntries(shownConfig(config).map(({ key, value }) => [key, value])),
      rules: [...rules()],
    }),
    warn,
    pulls,
  });
  // A store that other threads cannot read has no incidents from before.
  let isLoaded = config.store !== 'sqlite';
  const load = async (): Promise<void> => {
    try {
      recorder.start(await evidence.ask('incidentDocuments', {}));
      await recorder.reconcile();
      isLoaded = true;
    } catch (error) {
      const why = errorText(error);
      warn(`incidents from before could not be read, and are tried again: ${why}`);
    }
  };
  if (!isLoaded) await load();
  let isLoading = false;
  const retry = async (): Promise<void> => {
    if (isLoading) return;
    isLoading = true;
    await load();
    isLoading = false;
  };
  let ticks = 0;
  const timer = setInterval(() => {
    if (isLoaded) recorder.tick(Date.now());
    else if (++ticks % RETRY_TICKS === 0) void retry();
  }, TICK_MS);
  return {
    recorder,
    stop: () => {
      clearInterval(timer);
      return recorder.stop();
    },
  };
}
