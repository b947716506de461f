/**
 * The parent of a running product: starts its parts in order, prints where they are, starts again
 * what dies, and ends everything within 10 s.
 *
 *     collector ready -> runtime.json -> web and simulated cluster -> runtime.json -> announcement
 *     SIGTERM -> simulated cluster (3 s) and web (5 s) -> collector (6 s) -> exit
 */
import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import type { RuntimeFile } from '#lib/api/runtime-file.ts';
import { type Config, configToEnv } from '#lib/config/load-config.ts';
import { type Address, parseAddress } from '#lib/config/quantities.ts';
import { collectorArgs, soundArgs, webArgs, withMemoryEnv } from '../../bin/process-settings.js';
import { baseUrl, formatAnnouncement } from './announce.ts';
import { ChildStartError, SupervisedChild } from './child.ts';
import { findPortProblems } from './ports.ts';
import {
  processIsAlive,
  RuntimeFileError,
  readRuntimeFile,
  removeRuntimeFile,
  runtimeFilePath,
  writeRuntimeFile,
} from './runtime-file.ts';
import { onStopSignals } from './stop-signals.ts';
import { warmWeb } from './warm-web.ts';

export interface SuperviseOptions {
  readonly config: Config;
  /** Folder of package.json. */
  readonly root: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly parts: { readonly collector: boolean; readonly web: boolean };
  /** Arguments of the simulated cluster; null: none runs. */
  readonly simulate: readonly string[] | null;
  /** Under the addresses of the announcement. */
  readonly notes: readonly string[];
  /** Results. */
  print(text: string): void;
  /** Messages. */
  say(text: string): void;
}

const COLLECTOR_GRACE_MS = 6000;
const WEB_GRACE_MS = 5000;
const SIMULATE_GRACE_MS = 3000;

/** Resolves to the exit code when everything has ended. */
export async function supervise(options: SuperviseOptions): Promise<number> {
  const { config, parts, say } = options;
  const problems = await findPortProblems([
    ...(parts.collector
      ? [
          { key: 'otlp.http', address: config.otlpHttp },
          { key: 'otlp.grpc', address: config.otlpGrpc },
          { key: 'admin', address: config.admin },
        ]
      : []),
    ...(parts.web ? [{ key: 'web', address: config.web }] : []),
  ]);
  if (problems.length > 0) {
    const running = runningInstance(config.dataDir);
    if (running !== null) say(running);
    else for (const problem of problems) say(problem);
    return 1;
  }
  const supervisor = new Supervisor(options);
  return supervisor.run();
}

/** One line where another instance runs on the data folder: what it serves, and how to go on. */
function runningInstance(dataDir: string): string | null {
  const runtime = readRuntimeFile(runtimeFilePath(dataDir));
  if (runtime === null || !processIsAlive(runtime.pid)) return null;
  const served = runtime.web ?? runtime.otlpHttp ?? 'nothing yet';
  return (
    `afdscope already runs on ${dataDir} (process ${runtime.pid}): ${served}. Stop it first, or ` +
    'start another with --data and free ports (--web, --otlp-http, --otlp-grpc, --admin).'
  );
}

class Supervisor {
  readonly #options: SuperviseOptions;
  readonly #runtimePath: string;
  readonly #children = new Map<'collector' | 'web' | 'simulate', SupervisedChild>();
  /** With the ports that were really taken, so that a child started again keeps them. */
  #config: Config;
  #runtime: RuntimeFile;
  #simulateControl: string | null = null;
  #announced = false;
  /** Resolves where nothing can go on. */
  readonly #failed = Promise.withResolvers<Error>();
  #ended: Promise<number> | undefined;

  constructor(options: SuperviseOptions) {
    this.#options = options;
    this.#config = options.config;
    this.#runtimePath = runtimeFilePath(options.config.dataDir);
    this.#runtime = {
      schema: 'afdscope.runtime/1',
      pid: process.pid,
      startedUnixMs: Date.now(),
      otlpHttp: null,
      otlpGrpc: null,
      admin: null,
      web: null,
      adminToken: randomBytes(32).toString('base64url'),
    };
  }

  run(): Promise<number> {
    return new Promise((resolve) => {
      const end = (exitCode: number) => {
        this.#ended ??= this.#stop().then(() => exitCode);
        void this.#ended.then(resolve);
      };
      const forget = onStopSignals({
        stop: (signal) => {
          if (signal !== 'parent gone') this.#options.say(`${signal}: stopping …`);
          end(0);
        },
        force: () => {
          for (const child of this.#children.values()) child.kill();
          removeRuntimeFile(this.#runtimePath);
          process.exit(130);
        },
      });
      void this.#failed.promise.then((error) => {
        if (this.#ended === undefined) this.#options.say(`afdscope: ${error.message}`);
        end(1);
      });
      void this.#start().catch((error: unknown) => {
        if (this.#ended === undefined) {
          if (!(error instanceof ChildStartError)) throw error;
          this.#options.say(`afdscope: ${error.message}`);
        }
        end(1);
      });
      // Whatever ends this process, no child stays behind; they also watch the IPC channel.
      process.once('exit', () => {
        forget();
        for (const child of this.#children.values()) child.kill();
      });
    });
  }

  async #start(): Promise<void> {
    const { parts, simulate } = this.#options;
    if (parts.collector) await this.#startChild('collector');
    else this.#runtime = { ...this.#runtime, ...this.#otherCollector(), web: null };
    if (this.#ended !== undefined) return;
    await Promise.all([
      parts.web ? this.#startChild('web') : null,
      simulate !== null ? this.#startChild('simulate') : null,
    ]);
    if (this.#ended !== undefined) return;
    this.#options.print(this.#announcement());
    this.#announced = true;
  }

  #startChild(part: 'collector' | 'web' | 'simulate'): Promise<void> {
    const { root, env, say } = this.#options;
    const baseEnv = (): NodeJS.ProcessEnv => ({
      ...env,
      ...configToEnv(this.#config),
      NODE_ENV: 'production',
      AFDSCOPE_ROOT: root,
      AFDSCOPE_RUNTIME: this.#runtimePath,
      AFDSCOPE_ADMIN_TOKEN: this.#runtime.adminToken,
    });
    const onReady = (line: Readonly<Record<string, unknown>>) => {
      try {
        this.#noteReady(part, line);
      } catch (error) {
        if (!(error instanceof RuntimeFileError)) throw error;
        this.#failed.resolve(error);
        return;
      }
      if (this.#announced) say(`${part === 'simulate' ? 'simulated cluster' : part} is up again`);
    };
    const specs = {
      collector: {
        name: 'collector',
        args: () => [...collectorArgs(), join(root, 'collector', 'main.ts')],
        env: () => withMemoryEnv(baseEnv()),
        stopGraceMs: COLLECTOR_GRACE_MS,
      },
      web: {
        name: 'web server',
        args: () => [
          ...webArgs(),
          '--import',
          new URL('./web-preload.ts', import.meta.url).href,
          join(root, 'node_modules', 'next', 'dist', 'bin', 'next'),
          'start',
          '-p',
          String(this.#config.web.port),
          '-H',
          this.#config.web.host,
        ],
        env: () => ({ ...withMemoryEnv(baseEnv()), NEXT_TELEMETRY_DISABLED: '1' }),
        stopGraceMs: WEB_GRACE_MS,
        quiet: /^\s*(?:▲|✓|- )/,
      },
      simulate: {
        name: 'simulated cluster',
        args: () => [
          ...soundArgs(),
          join(root, 'collector', 'simulate', 'main.ts'),
          '--otlp',
          this.#runtime.otlpHttp ?? '',
          ...(this.#options.simulate ?? []),
        ],
        // Its exporters must send here, whatever the environment says about OpenTelemetry.
        env: () => withoutOtel(baseEnv()),
        stopGraceMs: SIMULATE_GRACE_MS,
      },
    };
    const child = new SupervisedChild({ ...specs[part], cwd: root }, { onReady, say });
    this.#children.set(part, child);
    return child.start();
  }

  #noteReady(
    part: 'collector' | 'web' | 'simulate',
    line: Readonly<Record<string, unknown>>,
  ): void {
    if (part === 'simulate') {
      this.#simulateControl = stringOrNull(line.control);
      return;
    }
    if (part === 'collector') {
      const otlpHttp = stringOrNull(line.otlpHttp);
      const otlpGrpc = stringOrNull(line.otlpGrpc);
      const admin = stringOrNull(line.admin);
      this.#runtime = { ...this.#runtime, otlpHttp, otlpGrpc, admin };
      this.#config = {
        ...this.#config,
        otlpHttp: addressOf(otlpHttp, this.#config.otlpHttp),
        otlpGrpc: addressOf(otlpGrpc, this.#config.otlpGrpc),
        admin: addressOf(admin, this.#config.admin),
      };
    } else {
      const port = Number(line.port);
      this.#config = { ...this.#config, web: { host: this.#config.web.host, port } };
      const web = baseUrl(this.#config.web.host, port);
      this.#runtime = { ...this.#runtime, web };
      void warmWeb(web);
    }
    const pid = this.#otherCollector()?.pid ?? process.pid;
    writeRuntimeFile(this.#runtimePath, { ...this.#runtime, pid });
  }

  /** A collector that was started on its own, beside which the web alone runs. */
  #otherCollector(): RuntimeFile | null {
    if (this.#options.parts.collector) return null;
    const other = readRuntimeFile(this.#runtimePath);
    return other !== null && other.pid !== process.pid && processIsAlive(other.pid) ? other : null;
  }

  #announcement(): string {
    const { web, otlpHttp, otlpGrpc, admin } = this.#runtime;
    const rows: [string, string | null][] = [
      ['dashboard', web],
      ['OTLP/HTTP', otlpHttp],
      ['OTLP/gRPC', otlpGrpc],
      ['metrics', admin === null ? null : `${admin}/metrics`],
      ['simulation', this.#simulateControl === null ? null : `${this.#simulateControl}/faults`],
      ['data', this.#config.dataDir],
    ];
    return formatAnnouncement({
      title: 'afdscope is up',
      rows: rows.flatMap(([label, value]): [string, string][] =>
        value === null ? [] : [[label, value]],
      ),
      notes: this.#options.notes,
    });
  }

  async #stop(): Promise<void> {
    // The collector goes last, so that what the simulated cluster flushes still arrives.
    await Promise.all([
      this.#children.get('web')?.stop(),
      (async () => {
        await this.#children.get('simulate')?.stop();
        await this.#children.get('collector')?.stop();
      })(),
    ]);
    const other = this.#otherCollector();
    if (other !== null) writeRuntimeFile(this.#runtimePath, { ...other, web: null });
    removeRuntimeFile(this.#runtimePath);
  }
}

function stringOrNull(value: unknown): string | null {
  return typeof value === 'string' ? value : null;
}

/** Address in a base URL or a host:port; the host stays as configured ("0.0.0.0", "::"). */
function addressOf(url: string | null, configured: Address): Address {
  const parsed = parseAddress((url ?? '').replace(/^https?:\/\//, ''));
  return parsed.ok ? { host: configured.host, port: parsed.value.port } : configured;
}

function withoutOtel(env: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  const names = Object.keys(env).filter((name) => name.startsWith('OTEL_'));
  return { ...env, ...Object.fromEntries(names.map((name) => [name, undefined])) };
}
