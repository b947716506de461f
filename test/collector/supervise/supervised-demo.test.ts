import { join } from 'node:path';
import { describe, expect, test, vi } from 'vitest';
import { processIsAlive } from '#collector/supervise/runtime-file.ts';
import {
  AfdscopeProcess,
  hasRuntime,
  OLD_NODE,
  ownPlaces,
  ROOT,
  readRuntime,
} from '#test/support/afdscope-process.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

const SMALL = ['demo', '--no-web', '--attention', '2', '--ffn', '1', '--report-every', '20'];

async function pidOf(admin: string | null): Promise<number> {
  const status: unknown = await (await fetch(`${admin}/api/status`)).json();
  return typeof status === 'object' && status !== null && 'pid' in status ? Number(status.pid) : 0;
}

describe('afdscope demo', () => {
  test('starts a collector again on the same port, and ends everything on SIGTERM', async () => {
    const dataDir = scratchFolder();
    const demo = new AfdscopeProcess(SMALL, ownPlaces(dataDir));
    const [block] = await demo.prints(/afdscope is up\n[\s\S]*Ctrl-C stops everything\./);
    const runtime = readRuntime(dataDir);
    expect(block).toContain(`  OTLP/HTTP   ${runtime.otlpHttp}\n`);
    expect(block).toContain(`  metrics     ${runtime.admin}/metrics\n`);
    expect(block).toMatch(/ {2}simulation {2}http:\/\/127\.0\.0\.1:\d+\/faults\n/);
    expect(runtime.pid).toBe(demo.child.pid);

    const pid = await pidOf(runtime.admin);
    process.kill(pid, 'SIGKILL');
    await vi.waitFor(
      async () => expect((await fetch(`${runtime.admin}/readyz`)).status).toBe(200),
      { timeout: 20_000, interval: 200 },
    );
    const restarted = await pidOf(runtime.admin);
    expect(restarted).not.toBe(pid);
    expect(demo.stderr).toContain('the collector died (ended by SIGKILL); starting it again');
    // The simulated cluster goes on sending to it.
    await vi.waitFor(
      async () => {
        const metrics = await (await fetch(`${runtime.admin}/metrics`)).text();
        expect(metrics).toMatch(
          /^afdscope_receiver_accepted_spans_total\{transport="http"\} [1-9]/m,
        );
      },
      { timeout: 20_000, interval: 200 },
    );

    const startedMs = performance.now();
    demo.child.kill('SIGTERM');
    const { code } = await demo.finished;
    expect(code).toBe(0);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
    expect(processIsAlive(restarted)).toBe(false);
    expect(hasRuntime(dataDir)).toBe(false);
  }, 60_000);

  test('started twice: the second names the first and where it is', async () => {
    const dataDir = scratchFolder();
    const first = new AfdscopeProcess(SMALL, ownPlaces(dataDir));
    await first.prints(/afdscope is up/);
    const { otlpHttp } = readRuntime(dataDir);
    const second = new AfdscopeProcess(SMALL, {
      ...ownPlaces(dataDir),
      AFDSCOPE_OTLP_HTTP: new URL(otlpHttp ?? '').host,
    });
    const { code, stderr } = await second.finished;
    expect(code).toBe(1);
    expect(stderr.trim()).toMatch(/^afdscope already runs on .*$/);
    expect(stderr).toContain(`(process ${first.child.pid}): ${otlpHttp}. Stop it first`);
    expect((await fetch(`${readRuntime(dataDir).admin}/readyz`)).status).toBe(200);
  }, 60_000);

  test('children end when the supervisor is killed', async () => {
    const dataDir = scratchFolder();
    const demo = new AfdscopeProcess(SMALL, ownPlaces(dataDir));
    const [, control] = await demo.prints(/(http:\/\/127\.0\.0\.1:\d+)\/faults/);
    const pid = await pidOf(readRuntime(dataDir).admin);
    demo.child.kill('SIGKILL');
    await vi.waitFor(
      async () => {
        expect(processIsAlive(pid)).toBe(false);
        await expect(fetch(`${control}/faults`)).rejects.toThrow();
      },
      { timeout: 15_000, interval: 200 },
    );
  }, 60_000);

  test.skipIf(OLD_NODE === undefined)(
    'everything ends when the launcher that runs it is killed',
    async () => {
      const launcher = [OLD_NODE ?? '', join(ROOT, 'bin', 'afdscope.js')];
      const demo = new AfdscopeProcess(SMALL, ownPlaces(scratchFolder()), launcher);
      const [, control] = await demo.prints(/(http:\/\/127\.0\.0\.1:\d+)\/faults/);
      demo.child.kill('SIGKILL');
      await vi.waitFor(() => expect(fetch(`${control}/faults`)).rejects.toThrow(), {
        timeout: 15_000,
        interval: 200,
      });
    },
    60_000,
  );

  test('a collector that cannot start ends the supervisor with its reason', async () => {
    const env = { ...ownPlaces(scratchFolder()), AFDSCOPE_STORE: 'http://127.0.0.1:8123' };
    const { code, stderr } = await new AfdscopeProcess(SMALL, env).finished;
    expect(code).toBe(1);
    expect(stderr).toContain('ClickHouse is not supported by this version');
    expect(stderr).toContain('the collector did not start: exit code 1');
  });
});
