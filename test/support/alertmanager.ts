/** Debian's Alertmanager, started by a test on loopback with ports and a folder of its own. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { type AddressInfo, createServer } from 'node:net';
import { join } from 'node:path';
import { expect, onTestFinished } from 'vitest';
import { scratchFolder } from './scratch-folder.ts';

const BINARY = 'prometheus-alertmanager';

/** null: it is there; else one line that says how to get it. */
export function alertmanagerMissing(): string | null {
  const isThere = [BINARY, 'amtool'].every(
    (name) => spawnSync(name, ['--version'], { stdio: 'ignore' }).status === 0,
  );
  return isThere ? null : 'needs Alertmanager: apt-get install prometheus-alertmanager';
}

export interface AlertmanagerOptions {
  /** Where Alertmanager itself sends what it is told. */
  readonly webhook: string;
}

export interface RunningAlertmanager {
  readonly url: string;
  /** Alerts as `amtool alert query` gives them. */
  alerts(): readonly {
    labels: Record<string, string>;
    endsAt: string;
    startsAt: string;
    annotations: Record<string, string>;
    generatorURL: string;
    updatedAt: string;
  }[];
}

export async function startAlertmanager(
  options: AlertmanagerOptions,
): Promise<RunningAlertmanager> {
  const folder = scratchFolder();
  const file = join(folder, 'alertmanager.yml');
  writeFileSync(
    file,
    `
route: {receiver: back, group_by: [alertname], group_wait: 1s, group_interval: 1s, repeat_interval: 1h}
receivers:
  - name: back
    webhook_configs: [{url: "${options.webhook}", send_resolved: true}]
`,
  );
  const port = await freePort();
  const child = spawn(
    BINARY,
    [
      `--config.file=${file}`,
      `--storage.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      '--cluster.listen-address=',
    ],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  );
  const said: string[] = [];
  child.stderr.on('data', (part: Buffer) => said.push(part.toString()));
  onTestFinished(() => ended(child));
  const url = `http://127.0.0.1:${port}`;
  await expect
    .poll(() => isReady(url).then((ready) => ready || said.join('')), { timeout: 60_000 })
    .toBe(true);
  return {
    url,
    alerts: () => {
      const query = ['alert', 'query', `--alertmanager.url=${url}`, '--output=json'];
      const { stdout, stderr, status } = spawnSync('amtool', query, { encoding: 'utf8' });
      if (status !== 0) throw new Error(stderr);
      return JSON.parse(stdout);
    },
  };
}

async function isReady(url: string): Promise<boolean> {
  try {
    return (await fetch(`${url}/-/ready`)).ok;
  } catch {
    return false;
  }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null) return;
  const { promise, resolve } = Promise.withResolvers<void>();
  child.once('exit', () => resolve());
  child.kill();
  await promise;
}

async function freePort(): Promise<number> {
  const server = createServer();
  const listening = Promise.withResolvers<void>();
  server.listen(0, '127.0.0.1', listening.resolve);
  await listening.promise;
  const { port } = server.address() as AddressInfo;
  const closed = Promise.withResolvers<void>();
  server.close(() => closed.resolve());
  await closed.promise;
  return port;
}
