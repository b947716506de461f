/** The product as people start it: real processes, ports of their own, a data folder of their own. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { delimiter, join, resolve } from 'node:path';
import { onTestFinished } from 'vitest';
import { type RuntimeFile, runtimeFileSchema } from '#lib/api/runtime-file.ts';

export const ROOT = resolve(import.meta.dirname, '..', '..');
const LAUNCHER = join(ROOT, 'bin', 'afdscope.js');

/** A Node on the PATH that is too old to run the product, as machines have it. */
export const OLD_NODE = (process.env.PATH ?? '')
  .split(delimiter)
  .map((folder) => join(folder, 'node'))
  .find((path) => existsSync(path) && majorOf(path) < 24);

function majorOf(node: string): number {
  const version = execFileSync(node, ['--version'], { encoding: 'utf8' });
  return Number(/^v(\d+)/.exec(version)?.[1] ?? 0);
}

export interface Finished {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
  readonly stdout: string;
  readonly stderr: string;
}

export class AfdscopeProcess {
  readonly child: ChildProcess;
  readonly finished: Promise<Finished>;
  stdout = '';
  stderr = '';

  constructor(
    args: readonly string[],
    env: Readonly<Record<string, string>> = {},
    launcher: readonly string[] = [process.execPath, LAUNCHER],
    cwd: string = ROOT,
  ) {
    const [command = '', ...first] = launcher;
    const child = spawn(command, [...first, ...args], {
      cwd,
      env: { ...process.env, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    this.child = child;
    child.stdout.on('data', (chunk: Buffer) => {
      this.stdout += chunk.toString();
    });
    child.stderr.on('data', (chunk: Buffer) => {
      this.stderr += chunk.toString();
    });
    this.finished = new Promise((resolveFinished) => {
      child.once('close', (code, signal) =>
        resolveFinished({ code, signal, stdout: this.stdout, stderr: this.stderr }),
      );
    });
    onTestFinished(() => {
      child.kill('SIGKILL');
    });
  }

  /** Resolves to the first match on stdout; rejects if the process ends before. */
  async prints(pattern: RegExp): Promise<RegExpMatchArray> {
    let ended = false;
    void this.finished.then(() => {
      ended = true;
    });
    for (;;) {
      const match = pattern.exec(this.stdout);
      if (match !== null) return match;
      if (ended) throw new Error(`ended without ${pattern}: ${this.stdout}${this.stderr}`);
      await pause(20);
    }
  }
}

/** Runs a command to its end. */
export function runAfdscope(
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Promise<Finished> {
  return new AfdscopeProcess(args, env).finished;
}

/** Ports that nobody else has, and a data folder. */
export function ownPlaces(dataDir: string): Record<string, string> {
  return {
    AFDSCOPE_DATA: dataDir,
    AFDSCOPE_OTLP_HTTP: '127.0.0.1:0',
    AFDSCOPE_OTLP_GRPC: '127.0.0.1:0',
    AFDSCOPE_ADMIN: '127.0.0.1:0',
    AFDSCOPE_WEB: '127.0.0.1:0',
    AFDSCOPE_LOG: 'warn',
    NODE_ENV: 'production',
  };
}

export interface Started {
  readonly process: AfdscopeProcess;
  readonly pid: number;
  readonly otlpHttp: string;
  /** host:port */
  readonly otlpGrpc: string;
  readonly admin: string;
}

/** `afdscope collector`, once it accepts OTLP. */
export async function startCollector(
  dataDir: string,
  env: Readonly<Record<string, string>> = {},
): Promise<Started> {
  const started = new AfdscopeProcess(['collector'], { ...ownPlaces(dataDir), ...env });
  const [line] = await started.prints(/^\{"ready":true.*$/m);
  const ready = JSON.parse(line) as Omit<Started, 'process'>;
  return { process: started, ...ready };
}

export function readRuntime(dataDir: string): RuntimeFile {
  return runtimeFileSchema.parse(JSON.parse(readFileSync(join(dataDir, 'runtime.json'), 'utf8')));
}

export function hasRuntime(dataDir: string): boolean {
  return existsSync(join(dataDir, 'runtime.json'));
}

export function pause(ms: number): Promise<void> {
  return new Promise((resolvePause) => setTimeout(resolvePause, ms));
}
