/**
 * Changes of incidents from the command line: through the collector that runs on the data folder, or with
 * its lock where none does.
 */

import { SETTLE_MS } from '#collector/incident/alert-window.ts';
import { DirectEvidence } from '#collector/incident/direct-evidence.ts';
import { FlightRecorder } from '#collector/incident/flight-recorder.ts';
import { FreezeRefusedError } from '#collector/incident/freeze-window.ts';
import {
  processIsAlive,
  readRuntimeFile,
  runtimeFilePath,
} from '#collector/supervise/runtime-file.ts';
import {
  type FreezeRequest,
  freezeRequestSchema,
  type IncidentChange,
  type IncidentJson,
  incidentSchema,
} from '#lib/api/incidents.ts';
import { problemSchema } from '#lib/api/problem.ts';
import { errorText } from '#lib/base/error-text.ts';
import type { Config } from '#lib/config/load-config.ts';
import { readVersion } from '#lib/config/read-version.ts';
import { shownConfig } from '#lib/config/shown-config.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { QueryFailedError } from '#lib/query/query-pool.ts';
import { openStateWriter, openTelemetryWriter } from '#lib/store/open-store.ts';
import { CommandError, type CommandIo } from './command-io.ts';

export interface IncidentWriter {
  freeze(request: FreezeRequest): Promise<IncidentJson>;
  change(id: string, change: IncidentChange): Promise<IncidentJson>;
  remove(id: string): Promise<void>;
}

/** @throws CommandError what the collector refused, DataFolderLockedError and other errors of stores */
export async function withIncidentWriter<T>(
  io: CommandIo,
  config: Config,
  work: (writer: IncidentWriter) => Promise<T>,
): Promise<T> {
  const running = readRuntimeFile(runtimeFilePath(config.dataDir));
  const admin = running?.admin ?? null;
  if (running !== null && admin !== null && processIsAlive(running.pid)) {
    return work(throughCollector(admin, running.adminToken));
  }
  return directly(io, config, work);
}

function throughCollector(admin: string, adminToken: string): IncidentWriter {
  const call = async (method: string, path: string, body?: unknown): Promise<unknown> => {
    const answer = await fetch(new URL(path, admin), {
      method,
      headers: {
        authorization: `Bearer ${adminToken}`,
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    }).catch((error: unknown) => {
      const why = errorText(error);
      throw new CommandError(
        `the collector at ${admin} cannot be reached: ${why}; see whether it runs (afdscope doctor)`,
      );
    });
    if (answer.status === 204) return null;
    const value: unknown = await answer.json().catch(() => null);
    if (answer.ok) return value;
    const refused = problemSchema.safeParse(value).data?.detail;
    throw new CommandError(refused ?? `the collector answered ${answer.status}`);
  };
  const pathOf = (id: string) => `/api/incidents/${encodeURIComponent(id)}`;
  return {
    freeze: async (request) => incidentSchema.parse(await call('POST', '/api/incidents', request)),
    change: async (id, change) => incidentSchema.parse(await call('POST', pathOf(id), change)),
    remove: async (id) => void (await call('DELETE', pathOf(id))),
  };
}

/** Nothing comes in meanwhile, so that a window which is over is told at once. */
async function directly<T>(
  io: CommandIo,
  config: Config,
  work: (writer: IncidentWriter) => Promise<T>,
): Promise<T> {
  const place = { data: config.dataDir, store: config.store };
  const telemetry = await openTelemetryWriter({ ...place, unpacker: new PackedUnpacker() });
  try {
    const state = await openStateWriter(place);
    try {
      const evidence = new DirectEvidence({ telemetry, state: async () => state }, Date.now);
      const recorder = new FlightRecorder({
        store: {
          change: async (changes) => void (await state.change(changes)),
          pin: ({ pinId, deployment, ...window }) => telemetry.pin(pinId, deployment, window),
          unpin: (pinId) => telemetry.unpin(pinId),
        },
        evidence,
        config: config.alerts,
        rawBytes: config.retention.rawBytes,
        setup: () => ({
          version: readVersion(io.root),
          config: Object.fromEntries(shownConfig(config).map(({ key, value }) => [key, value])),
          rules: [],
        }),
        warn: (message) => io.say(message),
      });
      recorder.start(await evidence.ask('incidentDocuments', {}));
      await recorder.reconcile();
      const done = await work(directWriter(recorder)).catch(asRefusal);
      await recorder.settle(Date.now() + SETTLE_MS);
      return done;
    } finally {
      await state.close();
    }
  } finally {
    await telemetry.close();
  }
}

function directWriter(recorder: FlightRecorder): IncidentWriter {
  return {
    freeze: (request) => recorder.freeze(freezeRequestSchema.parse(request), Date.now()),
    change: (id, change) => recorder.change(id, change, Date.now()),
    remove: async (id) => {
      if (await recorder.remove(id)) return;
      throw new CommandError(`there is no incident ${id}; afdscope incidents list shows them`);
    },
  };
}

function asRefusal(error: unknown): never {
  const isRefusal =
    error instanceof FreezeRefusedError ||
    (error instanceof QueryFailedError && error.failure.kind !== 'internal') ||
    (error instanceof Error && error.name === 'UnknownIncidentError');
  if (isRefusal) throw new CommandError(error.message);
  throw error;
}
