/** `afdscope doctor`: is everything there that a start needs, and is what runs well? */
import { accessSync, constants, existsSync, statfsSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { findPortProblems, type Listener } from '#collector/supervise/ports.ts';
import {
  processIsAlive,
  readRuntimeFile,
  runtimeFilePath,
} from '#collector/supervise/runtime-file.ts';
import type { RuntimeFile } from '#lib/api/runtime-file.ts';
import { errorText } from '#lib/base/error-text.ts';
import { unixMsFromNanos } from '#lib/base/units.ts';
import type { Config } from '#lib/config/load-config.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryReader, storedFileProblems, storedLogDamage } from '#lib/store/open-store.ts';
import { NoDatabaseError, StoreUnavailableError } from '#lib/store/store-errors.ts';
import { bytesText, countText } from './figures.ts';

export interface Check {
  readonly name: string;
  readonly state: 'ok' | 'warning' | 'failed';
  readonly detail: string;
}

export interface DoctorOptions {
  readonly config: Config;
  readonly root: string;
  readonly nodeVersion: string;
  readonly nowUnixMs: number;
}

const HTTP_TIMEOUT_MS = 2000;
/** An event that far in the future means that a worker's clock, or this one, is wrong. */
const FUTURE_MS = 60_000;
/** Any clock that is before this has lost its time. */
const RELEASED_UNIX_MS = Date.UTC(2026, 0, 1);

export async function runChecks(options: DoctorOptions): Promise<Check[]> {
  const { config } = options;
  const runtime = readRuntimeFile(runtimeFilePath(config.dataDir));
  const running = runtime !== null && processIsAlive(runtime.pid) ? runtime : null;
  return [
    checkNode(options.nodeVersion),
    checkDashboard(options.root),
    checkDataFolder(config.dataDir),
    checkDiskSpace(config),
    ...(await checkPorts(config, running)),
    ...(await checkRunning(running)),
    ...(await checkStore(options)),
    checkClock(options.nowUnixMs),
  ];
}

function checkNode(version: string): Check {
  const isNew = Number(version.split('.')[0]) >= 24;
  return {
    name: 'Node',
    state: isNew ? 'ok' : 'failed',
    detail: isNew ? version : `${version}: Node 24 is needed`,
  };
}

function checkDashboard(root: string): Check {
  return existsSync(join(root, '.next', 'BUILD_ID'))
    ? { name: 'dashboard', state: 'ok', detail: 'built' }
    : { name: 'dashboard', state: 'warning', detail: 'not built; the first start builds it' };
}

function checkDataFolder(dataDir: string): Check {
  const name = 'data folder';
  const folder = nearestFolder(dataDir);
  try {
    accessSync(folder, constants.W_OK | constants.X_OK);
  } catch {
    return { name, state: 'failed', detail: `${folder} may not be written by this user` };
  }
  const state = folder === dataDir ? '' : ' (the first start makes it)';
  return { name, state: 'ok', detail: `${dataDir}${state}` };
}

function checkDiskSpace({ dataDir, retention }: Config): Check {
  const stats = statfsSync(nearestFolder(dataDir));
  const freeBytes = stats.bavail * stats.bsize;
  const detail = `${bytesText(freeBytes)} free, raw events may take ${bytesText(retention.rawBytes)}`;
  const state = freeBytes < 500e6 ? 'failed' : freeBytes < retention.rawBytes ? 'warning' : 'ok';
  const remedy = state === 'ok' ? '' : ': free some, or lower retention.rawBytes';
  return { name: 'disk space', state, detail: detail + remedy };
}

/** Ports that our own running product holds are as they should be. */
async function checkPorts(config: Config, running: RuntimeFile | null): Promise<Check[]> {
  const own = [running?.otlpHttp, running?.otlpGrpc, running?.admin, running?.web];
  const isOwn = ({ address }: Listener) =>
    own.some((base) => base?.endsWith(`:${address.port}`) === true);
  const listeners: Listener[] = [
    { key: 'otlp.http', address: config.otlpHttp },
    { key: 'otlp.grpc', address: config.otlpGrpc },
    { key: 'admin', address: config.admin },
    { key: 'web', address: config.web },
  ];
  const free = listeners.filter((listener) => !isOwn(listener));
  const problems = await findPortProblems(free);
  if (problems.length === 0) {
    const detail = running === null ? 'all free' : 'free, or held by the running afdscope';
    return [{ name: 'ports', state: 'ok', detail }];
  }
  return problems.map((detail) => ({ name: 'ports', state: 'failed', detail }));
}

async function checkRunning(running: RuntimeFile | null): Promise<Check[]> {
  if (running === null) {
    return [{ name: 'collector', state: 'ok', detail: 'none runs on this data folder' }];
  }
  const parts: [string, string | null][] = [
    ['collector', running.admin === null ? null : `${running.admin}/readyz`],
    ['web', running.web === null ? null : `${running.web}/api/v1/deployments`],
  ];
  const checks: Check[] = [];
  for (const [name, url] of parts) {
    if (url !== null) checks.push(await checkUrl(name, url, running.pid));
  }
  return checks;
}

async function checkUrl(name: string, url: string, pid: number): Promise<Check> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(HTTP_TIMEOUT_MS) });
    const text = await response.text();
    return response.ok
      ? { name, state: 'ok', detail: `answers at ${new URL(url).origin} (process ${pid})` }
      : { name, state: 'failed', detail: `${url} answers ${response.status}: ${text}` };
  } catch (error) {
    const why = errorText(error);
    return { name, state: 'failed', detail: `${url} does not answer (${why})` };
  }
}

/** Reads everything that is kept, in bounded slices: each chunk's checksum is looked at. */
async function checkStore({ config, nowUnixMs }: DoctorOptions): Promise<Check[]> {
  const name = 'store';
  try {
    let damaged = 0;
    const reader = await openTelemetryReader({
      data: config.dataDir,
      store: config.store,
      unpacker: new PackedUnpacker(),
      onDamagedChunk: () => {
        damaged++;
      },
    });
    try {
      let events = 0;
      let newestUnixMs = 0;
      const deployments = await reader.deployments();
      for (const { deployment, lastSeenUnixNs } of deployments) {
        for await (const table of reader.scanEvents({ deployment })) events += table.length;
        newestUnixMs = Math.max(newestUnixMs, unixMsFromNanos(lastSeenUnixNs));
      }
      const size = await reader.size();
      const detail = `${countText(events)} raw events of ${deployments.length} deployments readable, database ${bytesText(size.databaseBytes)}`;
      const checks: Check[] = [{ name, state: 'ok', detail }];
      if (damaged > 0) {
        const loss = `${damaged} chunks of raw events are damaged and skipped: check the disk`;
        checks.push({ name, state: 'failed', detail: loss });
      }
      const problems = storedFileProblems({ data: config.dataDir, store: config.store });
      if (problems.length > 0) {
        const detail = `the database is damaged (${problems.join('; ')}): ${damageRemedy(config)}`;
        checks.push({ name, state: 'failed', detail });
      }
      const logDamage = storedLogDamage({ data: config.dataDir, store: config.store });
      if (logDamage !== null) {
        checks.push({ name, state: 'failed', detail: `${logDamage}: check the disk` });
      }
      if (newestUnixMs > nowUnixMs + FUTURE_MS) {
        const aheadS = Math.round((newestUnixMs - nowUnixMs) / 1000);
        const warning = `the newest event lies ${aheadS} s in the future: is a worker's clock ahead?`;
        checks.push({ name: 'clock of workers', state: 'warning', detail: warning });
      }
      return checks;
    } finally {
      await reader.close();
    }
  } catch (error) {
    if (error instanceof NoDatabaseError) {
      return [{ name, state: 'ok', detail: 'no database yet; the first start makes it' }];
    }
    const detail = error instanceof Error ? error.message : 'unknown';
    const damaged = error instanceof StoreUnavailableError && error.reason === 'damaged';
    const remedy = damaged ? `: ${damageRemedy(config)}` : '';
    return [{ name, state: 'failed', detail: `${detail}${remedy}` }];
  }
}

function damageRemedy({ dataDir }: Config): string {
  return (
    `move afdscope.db, afdscope.db-wal and afdscope.db-shm out of ${dataDir} (keep them; "sqlite3 ` +
    'afdscope.db .recover" may save rows), a running collector then makes a new one; check the disk'
  );
}

function checkClock(nowUnixMs: number): Check {
  const now = new Date(nowUnixMs).toISOString();
  return nowUnixMs < RELEASED_UNIX_MS
    ? { name: 'clock', state: 'failed', detail: `${now} is in the past: set the clock` }
    : { name: 'clock', state: 'ok', detail: now };
}

/** The folder itself, or the nearest one above it that exists. */
function nearestFolder(path: string): string {
  let folder = path;
  while (!existsSync(folder) && dirname(folder) !== folder) folder = dirname(folder);
  return folder;
}
