/** A real collector in this process: real threads, database and ports; its log is kept. */
import { onTestFinished } from 'vitest';
import { createLog } from '#collector/observe/log.ts';
import { Collector } from '#collector/run-collector.ts';
import { type Readiness, readinessSchema } from '#lib/api/condition.ts';
import { loadConfig } from '#lib/config/load-config.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import { DEPLOYMENT, stepsBody } from '#test/collector/ingest/ingest-harness.ts';

export interface LogLine {
  readonly level: 'info' | 'warn' | 'error' | 'fatal';
  readonly message: string;
}

export class RunningCollector {
  readonly log: LogLine[] = [];
  readonly dataDir: string;
  readonly #collector: Collector;
  otlpHttp = '';
  otlpGrpc = '';
  admin = '';

  constructor(dataDir: string, env: Readonly<Record<string, string>> = {}) {
    this.dataDir = dataDir;
    const ports = {
      AFDSCOPE_OTLP_HTTP: '127.0.0.1:0',
      AFDSCOPE_OTLP_GRPC: '127.0.0.1:0',
      AFDSCOPE_ADMIN: '127.0.0.1:0',
      AFDSCOPE_DATA: dataDir,
      // The events of these tests are of the past.
      AFDSCOPE_RETENTION_RAW: '3650d',
    };
    const loaded = loadConfig({ env: { ...ports, ...env }, cwd: '/', file: null });
    if (!loaded.ok) throw new Error(loaded.error.join('\n'));
    const log = createLog('collector', 'silent', false);
    const keep = (level: LogLine['level']) => (fields: unknown, message?: string) => {
      this.log.push({ level, message: message ?? String(fields) });
    };
    log.info = keep('info');
    log.warn = keep('warn');
    log.error = keep('error');
    log.fatal = keep('fatal');
    this.#collector = new Collector({
      config: loaded.value.config,
      env: {},
      version: 'test',
      log,
      onFatal: (reason) => keep('fatal')({}, reason),
    });
    onTestFinished(() => this.#collector.stop());
  }

  async start(): Promise<this> {
    const addresses = await this.#collector.start();
    this.otlpHttp = addresses.otlpHttp;
    this.otlpGrpc = addresses.otlpGrpc;
    this.admin = addresses.admin;
    return this;
  }

  get adminToken(): string {
    return this.#collector.adminToken;
  }

  stop(): Promise<void> {
    return this.#collector.stop();
  }

  /** One request with one event of this step. */
  send(step: number): Promise<Response> {
    return fetch(`${this.otlpHttp}/v1/traces`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-protobuf' },
      body: stepsBody(step),
    });
  }

  async ready(): Promise<Readiness & { readonly httpStatus: number }> {
    const response = await fetch(`${this.admin}/readyz`);
    return { httpStatus: response.status, ...readinessSchema.parse(await response.json()) };
  }

  /** Waits until exactly these conditions hold. */
  async conditions(...names: string[]): Promise<void> {
    for (;;) {
      const found = (await this.ready()).conditions.map(({ name }) => name);
      if (found.join() === names.join()) return;
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
  }

  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.admin}/metrics`)).text();
    const line = text.split('\n').find((one) => one.startsWith(`${name} `));
    return Number(line?.slice(name.length + 1));
  }

  /** Log lines that tell of this condition. */
  told(name: string): LogLine[] {
    return this.log.filter(({ message }) => message.startsWith(`${name}: `));
  }
}

/** How often each step is stored in the folder's database. */
export async function storedSteps(dataDir: string): Promise<Map<number, number>> {
  const reader = await openTelemetryReader({ data: dataDir, unpacker: new PackedUnpacker() });
  const counts = new Map<number, number>();
  for await (const table of reader.scanEvents({ deployment: DEPLOYMENT })) {
    for (let i = 0; i < table.length; i++) {
      counts.set(table.step[i]!, (counts.get(table.step[i]!) ?? 0) + 1);
    }
  }
  await reader.close();
  return counts;
}

/** Each of these steps once, and nothing else. */
export function once(...steps: number[]): Map<number, number> {
  return new Map(steps.map((step) => [step, 1]));
}
