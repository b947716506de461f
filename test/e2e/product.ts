/** The real product for browser tests: started by its launcher on free ports, in a folder of its own. */
import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type RuntimeFile, runtimeFileSchema } from '#lib/api/runtime-file.ts';

const ROOT = resolve(import.meta.dirname, '../..');
/** The launcher builds the dashboard where that is stale. */
const START_TIMEOUT_MS = 240_000;
const STOP_TIMEOUT_MS = 15_000;

export interface Product {
  readonly web: string;
  readonly runtime: RuntimeFile;
  readonly dataDir: string;
  /** Replaces the faults of the simulated cluster (docs/simulated-cluster.md); {}: none. */
  setFaults(faults: object): Promise<void>;
  stop(): Promise<void>;
}

/** `fill`: puts something into the data folder before the product is started. */
export async function startProduct(
  command: 'demo' | 'up',
  fill: (dataDir: string) => Promise<void> = async () => {},
): Promise<Product> {
  const dataDir = await mkdtemp(join(tmpdir(), 'afdscope-e2e-'));
  try {
    await fill(dataDir);
  } catch (error) {
    await rm(dataDir, { recursive: true, force: true });
    throw error;
  }
  const child = spawn(process.execPath, [join(ROOT, 'bin/afdscope.js'), command], {
    cwd: ROOT,
    stdio: ['ignore', 'pipe', 'pipe'],
    env: {
      ...process.env,
      NODE_ENV: 'production',
      AFDSCOPE_DATA: dataDir,
      AFDSCOPE_WEB: '127.0.0.1:0',
      AFDSCOPE_ADMIN: '127.0.0.1:0',
      AFDSCOPE_OTLP_HTTP: '127.0.0.1:0',
      AFDSCOPE_OTLP_GRPC: '127.0.0.1:0',
    },
  });
  let output = '';
  let simulation: string | undefined;
  const keep = (chunk: Buffer) => {
    output += chunk.toString();
    // What it says at its start is gone once it has said much more.
    simulation ??= /simulation\s+(http\S+)\s/.exec(output)?.[1];
    output = output.slice(-8_000);
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const stop = async () => {
    await stopChild(child);
    await rm(dataDir, { recursive: true, force: true });
  };
  try {
    const runtime = await waitForRuntime(child, dataDir, () => output);
    const setFaults = async (faults: object): Promise<void> => {
      if (simulation === undefined) throw new Error(`No simulated cluster:\n${output}`);
      const response = await fetch(simulation, {
        method: 'PUT',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify(faults),
      });
      if (!response.ok) throw new Error(`${simulation} refused: ${await response.text()}`);
    };
    return { web: runtime.web ?? '', runtime, dataDir, setFaults, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

async function waitForRuntime(
  child: ChildProcess,
  dataDir: string,
  output: () => string,
): Promise<RuntimeFile> {
  const deadline = Date.now() + START_TIMEOUT_MS;
  while (Date.now() < deadline) {
    if (child.exitCode !== null) throw new Error(`afdscope ended early:\n${output()}`);
    const runtime = await readRuntime(dataDir);
    if (runtime?.web != null && (await answers(runtime.web))) return runtime;
    await sleep(200);
  }
  throw new Error(`afdscope was not up after ${START_TIMEOUT_MS} ms:\n${output()}`);
}

async function readRuntime(dataDir: string): Promise<RuntimeFile | null> {
  try {
    const text = await readFile(join(dataDir, 'runtime.json'), 'utf8');
    return runtimeFileSchema.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

async function answers(web: string): Promise<boolean> {
  try {
    return (await fetch(`${web}/api/v1/health`)).ok;
  } catch {
    return false;
  }
}

async function stopChild(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const ended = new Promise<void>((done) => child.once('exit', () => done()));
  child.kill('SIGTERM');
  await Promise.race([ended, sleep(STOP_TIMEOUT_MS)]);
  if (child.exitCode === null && child.signalCode === null) child.kill('SIGKILL');
}

/** Process id of the product's collector, found under its supervisor. Linux only. */
export async function collectorPid(product: Product): Promise<number> {
  const supervisor = product.runtime.pid;
  const list = await readFile(`/proc/${supervisor}/task/${supervisor}/children`, 'utf8');
  for (const pid of list.trim().split(' ').map(Number)) {
    const command = await readFile(`/proc/${pid}/cmdline`, 'utf8');
    if (command.includes('collector/main')) return pid;
  }
  throw new Error(`The supervisor ${supervisor} has no collector among its children: ${list}`);
}
