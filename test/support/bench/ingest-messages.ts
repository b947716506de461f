/** What the processes of an ingest benchmark say to each other. */
import { readdirSync, readFileSync } from 'node:fs';

export interface SenderSpec {
  readonly url: string;
  readonly deployment: string;
  readonly transport: 'http' | 'grpc';
  readonly encoding: 'identity' | 'gzip';
  readonly events: 'plain' | 'packed';
  /** Events a second; plain spans are sent as fast as they are taken. */
  readonly rate: number;
  readonly seconds: number;
  readonly inFlight: number;
}

export interface SenderReport {
  readonly bodies: number;
  /** Events of bodies that were answered with success. */
  readonly events: number;
  /** As sent, after compression. */
  readonly bytes: number;
  /** Answers that asked to send again later, which was done. */
  readonly refused: number;
  readonly elapsedS: number;
  readonly cpuUs: number;
  /** How far the last body was behind its time; 0 where there is no pace. */
  readonly behindS: number;
  readonly workers: number;
}

export interface CollectorReport {
  readonly rssBytes: number;
  readonly commits: number;
  /** Of the whole process, all threads, after its start. */
  readonly cpuUs: number;
  readonly pendingRequests: number;
  readonly pendingBytes: number;
  readonly liveDroppedEvents: number;
  readonly journalBytes: number;
  readonly backlogBytes: number;
  readonly state: string;
  /** Processor time of threads, and of everything else in the process. */
  readonly ingestCpuMs: number;
  readonly liveCpuMs: number;
  /** Of V8's helper threads, which compile and mark. */
  readonly helperCpuMs: number;
}

export interface CollectorReady {
  readonly httpUrl: string;
  /** Base URL, as http2.connect takes it. */
  readonly grpcUrl: string;
}

export interface QueryReport {
  readonly ms: Readonly<Record<string, readonly number[]>>;
  readonly failures: readonly string[];
  /** Of the whole process, while it asked; `helperCpuMs` as above. */
  readonly cpuUs: number;
  readonly helperCpuMs: number;
}

export function cpuUs(): number {
  const { user, system } = process.cpuUsage();
  return user + system;
}

/** Linux counts in hundredths of a second. */
const TICK_MS = 10;

/** Processor time of this process's threads that V8 compiles and marks in; 0 where Linux is not. */
export function helperCpuMs(): number {
  if (process.platform !== 'linux') return 0;
  let ticks = 0;
  for (const task of readdirSync('/proc/self/task')) {
    const [, name, rest] = /\((.*)\) (.*)/.exec(
      readFileSync(`/proc/self/task/${task}/stat`, 'latin1'),
    )!;
    if (name !== 'V8Worker') continue;
    const fields = rest!.split(' ');
    ticks += Number(fields[11]) + Number(fields[12]);
  }
  return ticks * TICK_MS;
}

/** The `share`-th order statistic, 0.95 for p95; NaN of nothing. */
export function percentile(samples: readonly number[], share: number): number {
  const sorted = samples.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.ceil(share * sorted.length) - 1)] ?? Number.NaN;
}
