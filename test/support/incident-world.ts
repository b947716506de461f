/** A flight recorder on a real SQLite store, with a clock of its own. */
import type { AlertStore } from '#collector/alert/alert-parts.ts';
import { DirectEvidence } from '#collector/incident/direct-evidence.ts';
import { FlightRecorder } from '#collector/incident/flight-recorder.ts';
import type { PullBoard } from '#collector/incident/pull-board.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { IncidentDetail } from '#lib/api/incidents.ts';
import { addNanos, unixMsFromNanos, unixNanos, unixNanosFromMs } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { pickRows } from '#lib/live/partition-table.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import { StageAccumulator } from '#lib/table/stage-accumulator.ts';
import { FEED_START, slowSteps } from './live-feed.ts';
import { batchOf } from './telemetry-batch.ts';

/** Wall clock and event time begin together. */
export const START_MS = unixMsFromNanos(FEED_START);
export const DEPLOYMENT = 'prod';

export interface IncidentWorld {
  readonly recorder: FlightRecorder;
  readonly telemetry: TelemetryStore;
  readonly state: StateStore;
  readonly warnings: string[];
  nowUnixMs: number;
  /** Of what is on disk. */
  detail(id: string): Promise<IncidentDetail>;
  /** Another process on the same folder: nothing of this one is known but what is on disk. */
  restarted(): Promise<IncidentWorld>;
  close(): Promise<void>;
}

export interface WorldOptions {
  readonly recordBytes?: number;
  readonly rawBytes?: number;
  /** Let writes fail while it returns true. */
  readonly broken?: () => boolean;
  readonly pulls?: PullBoard;
}

export async function incidentWorld(
  folder: string,
  options: WorldOptions = {},
): Promise<IncidentWorld> {
  const telemetry = await openTelemetryWriter({ data: folder, unpacker: new PackedUnpacker() });
  const state = await openStateWriter({ data: folder });
  const warnings: string[] = [];
  const write = async (work: () => Promise<unknown>): Promise<void> => {
    if (options.broken?.() === true) throw new Error('the disk is full');
    await work();
  };
  const store: AlertStore = {
    change: (changes) => write(() => state.change(changes)),
    pin: ({ pinId, deployment, ...window }) =>
      write(() => telemetry.pin(pinId, deployment, window)),
    unpin: (pinId) => write(() => telemetry.unpin(pinId)),
  };
  const evidence = new DirectEvidence(
    { telemetry, state: async () => state },
    () => world.nowUnixMs,
  );
  const recorder = new FlightRecorder({
    store,
    evidence,
    config: {
      recordBeforeNs: 10e9,
      recordAfterNs: 10e9,
      recordBytes: options.recordBytes ?? 5e9,
    },
    rawBytes: options.rawBytes ?? 20e9,
    setup: () => ({ version: '1.2.3', config: { 'retention.raw': '2h' }, rules: [] }),
    warn: (message) => warnings.push(message),
    ...(options.pulls === undefined ? {} : { pulls: options.pulls }),
  });
  const world: IncidentWorld = {
    recorder,
    telemetry,
    state,
    warnings,
    nowUnixMs: START_MS,
    detail: (incidentId) => evidence.ask('incident', { incidentId }),
    restarted: async () => {
      await world.close();
      const again = await incidentWorld(folder, options);
      again.nowUnixMs = world.nowUnixMs;
      return again;
    },
    close: async () => {
      await telemetry.close();
      await state.close();
    },
  };
  recorder.start(await evidence.ask('incidentDocuments', {}));
  await recorder.reconcile();
  return world;
}

/** Steps of a cluster, a batch a second, as collectors get them. */
export async function fillSeconds(
  { telemetry }: IncidentWorld,
  seconds: number,
  {
    fromSecond = 0,
    deployment = DEPLOYMENT,
    faults,
    sums = false,
  }: { fromSecond?: number; deployment?: string; faults?: Faults; sums?: boolean } = {},
): Promise<void> {
  const table = slowSteps({
    seconds,
    deployment,
    startUnixNs: addNanos(FEED_START, fromSecond * 1e9),
    ...(faults === undefined ? {} : { faults }),
  });
  const rows = new Map<number, number[]>();
  for (let i = 0; i < table.length; i++) {
    const second = Math.floor((table.startNs[i]! + Number(table.baseUnixNs - FEED_START)) / 1e9);
    // Steps are a little longer than planned.
    if (second < fromSecond + seconds) rows.set(second, [...(rows.get(second) ?? []), i]);
  }
  for (const [second, list] of rows) {
    const part = pickRows(table, list);
    const [outcome] = await telemetry.append([
      batchOf(`${deployment} ${second}`, { events: [part] }),
    ]);
    if (!sums) continue;
    const added = new StageAccumulator();
    added.addTable(part);
    await telemetry.addStageRollups(added.take(), outcome!.sequence);
  }
}

/** An alert that began and fired so many seconds after the start. */
export function firedAlert(
  second: number,
  { id = 'a1', startsAt = second, ...more }: Partial<AlertJson> & { startsAt?: number } = {},
): AlertJson {
  return {
    id,
    rule: 'straggler',
    severity: 'warning',
    state: 'firing',
    deployment: DEPLOYMENT,
    labels: { worker: 'attention/1' },
    annotations: { summary: 'attention/1 is slow' },
    runbook: '',
    value: 0.2,
    bound: 0.1,
    compare: '>',
    metric: 'straggler_score',
    unit: '1',
    startsAtUnixMs: START_MS + startsAt * 1000,
    firedAtUnixMs: START_MS + second * 1000,
    resolvedAtUnixMs: null,
    updatedAtUnixMs: START_MS + second * 1000,
    noData: false,
    inhibitedBy: null,
    silencedBy: [],
    acknowledged: null,
    incidentId: null,
    flapping: false,
    firedCount: 1,
    ...more,
  };
}

/** Retention at this second of the clock, until nothing is left to do. */
export async function retainAt(
  { telemetry }: IncidentWorld,
  second: number,
  { rawS = 7200, rawBytes = 20e9 }: { rawS?: number; rawBytes?: number },
): Promise<void> {
  const policy = { rawNs: rawS * 1e9, rawBytes, rollupsNs: 90 * 86_400e9 };
  const now = unixNanosFromMs(START_MS + second * 1000);
  for (let i = 0; i < 1000 && (await telemetry.retain(policy, now)).more; i++);
}

/** Whole seconds after the start of the first and the last raw event of the deployment. */
export async function keptSeconds(
  { telemetry }: IncidentWorld,
  deployment = DEPLOYMENT,
): Promise<[first: number, last: number] | null> {
  let first = Number.POSITIVE_INFINITY;
  let last = Number.NEGATIVE_INFINITY;
  for await (const table of telemetry.scanEvents({ deployment })) {
    for (let i = 0; i < table.length; i++) {
      const second =
        Number(unixNanos(table.baseUnixNs) - FEED_START) / 1e9 + table.startNs[i]! / 1e9;
      first = Math.min(first, second);
      last = Math.max(last, second);
    }
  }
  return first > last ? null : [Math.floor(first), Math.floor(last)];
}
