/**
 * What the sender talks to, in a process of its own: `node ingest-collector-child.ts FOLDER`, the
 * product's whole collector with live view, rollups and admin server; without a folder servers that
 * read each body and drop it. Answers `report`, ends at `stop`.
 */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { createServer as createHttp2Server } from 'node:http2';
import type { AddressInfo } from 'node:net';
import { createLog } from '#collector/observe/log.ts';
import { Collector } from '#collector/run-collector.ts';
import { loadConfig } from '#lib/config/load-config.ts';
import {
  type CollectorReady,
  type CollectorReport,
  cpuUs,
  helperCpuMs,
} from './ingest-messages.ts';

interface Target extends CollectorReady {
  report(): Promise<Omit<CollectorReport, 'cpuUs' | 'rssBytes'>>;
  stop(): Promise<void>;
}

interface IngestStatus {
  readonly live: { readonly stats: { readonly cpuMs: number } | null };
  readonly ingest: {
    readonly cpuMs: number;
    readonly commits: number;
    readonly pendingRequests: number;
    readonly pendingBytes: number;
    readonly liveDroppedEvents: number;
    readonly size: { journalBytes?: number; compactionBacklogBytes?: number } | null;
    readonly state: { readonly status: string };
  };
}

const dataDir = process.argv[2];
const target = dataDir === undefined ? await dropper() : await collector(dataDir);
const idleCpuUs = cpuUs();
const { httpUrl, grpcUrl } = target;
process.send?.({ httpUrl, grpcUrl } satisfies CollectorReady);
const stopped = Promise.withResolvers<void>();
process.on('message', (question) => {
  if (question === 'report') void answer();
  if (question === 'stop') stopped.resolve();
});
process.on('disconnect', () => stopped.resolve());
await stopped.promise;
await target.stop();
if (process.connected) process.disconnect();

async function answer(): Promise<void> {
  const report: CollectorReport = {
    ...(await target.report()),
    rssBytes: process.memoryUsage.rss(),
    cpuUs: cpuUs() - idleCpuUs,
  };
  process.send?.(report);
}

async function collector(folder: string): Promise<Target> {
  const loaded = loadConfig({
    env: {
      AFDSCOPE_DATA: folder,
      AFDSCOPE_OTLP_HTTP: '127.0.0.1:0',
      AFDSCOPE_OTLP_GRPC: '127.0.0.1:0',
      AFDSCOPE_ADMIN: '127.0.0.1:0',
    },
    cwd: folder,
    file: null,
  });
  if (!loaded.ok) throw new Error(loaded.error.join('\n'));
  const running = new Collector({
    config: loaded.value.config,
    env: {},
    version: 'bench',
    log: createLog('bench', 'warn', false),
    onFatal: (reason) => {
      throw new Error(reason);
    },
  });
  const { otlpHttp, otlpGrpc, admin } = await running.start();
  return {
    httpUrl: otlpHttp,
    grpcUrl: `http://${otlpGrpc}`,
    report: async () => {
      const headers = { Authorization: `Bearer ${running.adminToken}` };
      const status = await fetch(`${admin}/api/status`, { headers });
      const { ingest, live } = (await status.json()) as IngestStatus;
      return {
        commits: ingest.commits,
        pendingRequests: ingest.pendingRequests,
        pendingBytes: ingest.pendingBytes,
        liveDroppedEvents: ingest.liveDroppedEvents,
        journalBytes: ingest.size?.journalBytes ?? 0,
        backlogBytes: ingest.size?.compactionBacklogBytes ?? 0,
        state: ingest.state.status,
        ingestCpuMs: ingest.cpuMs,
        liveCpuMs: live.stats?.cpuMs ?? 0,
        helperCpuMs: helperCpuMs(),
      };
    },
    stop: () => running.stop(),
  };
}

/** The limit that any receiver on node:http and node:http2 has: every byte is read, none is kept. */
async function dropper(): Promise<Target> {
  const http = createServer((req, res) => {
    req.on('data', () => undefined);
    req.on('end', () => res.end());
  });
  const http2 = createHttp2Server({ settings: { initialWindowSize: 1 << 20 } });
  http2.on('session', (session) => session.setLocalWindowSize(8 << 20));
  http2.on('stream', (stream) => {
    stream.on('error', () => undefined);
    stream.on('data', () => undefined);
    stream.on('end', () => {
      stream.respond({ ':status': 200, 'grpc-status': '0' }, { endStream: true });
    });
  });
  const listen = async (server: typeof http | typeof http2): Promise<string> => {
    server.listen(0, '127.0.0.1');
    await once(server, 'listening');
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  };
  return {
    httpUrl: await listen(http),
    grpcUrl: await listen(http2),
    report: async () => ({
      commits: 0,
      pendingRequests: 0,
      pendingBytes: 0,
      liveDroppedEvents: 0,
      journalBytes: 0,
      backlogBytes: 0,
      state: 'ok',
      ingestCpuMs: 0,
      liveCpuMs: 0,
      helperCpuMs: 0,
    }),
    stop: async () => {
      http.closeAllConnections();
      http.close();
      http2.close();
    },
  };
}
