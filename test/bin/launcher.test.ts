import { cpSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { AfdscopeProcess, OLD_NODE, ROOT } from '#test/support/afdscope-process.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';

/** A checkout with the launcher and a command line that says what runs it. */
function checkout(cli: string): string {
  const folder = scratchFolder();
  cpSync(join(ROOT, 'bin'), join(folder, 'bin'), { recursive: true });
  const name = { name: 'checkout', version: '0.0.0', type: 'module' };
  writeFileSync(join(folder, 'package.json'), JSON.stringify(name));
  const lock = { ...name, lockfileVersion: 3, requires: true, packages: { '': name } };
  writeFileSync(join(folder, 'package-lock.json'), JSON.stringify(lock));
  mkdirSync(join(folder, 'collector', 'cli'), { recursive: true });
  writeFileSync(join(folder, 'collector', 'cli', 'main.ts'), cli);
  return folder;
}

const SAY_AND_EXIT = `
  export async function runCli(args: string[]): Promise<number> {
    console.log(JSON.stringify({ args, node: process.versions.node, cwd: process.cwd() }));
    return 7;
  }
  if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
`;

/** Puts this test's Node where npm would put the optional package. */
function addNodePackage(folder: string): void {
  const bin = join(folder, 'node_modules', `node-${process.platform}-${process.arch}`, 'bin');
  mkdirSync(bin, { recursive: true });
  symlinkSync(process.execPath, join(bin, 'node'));
}

/** npm's own list of what it installed: nothing, as the lock file asks. */
function markInstalled(folder: string): void {
  mkdirSync(join(folder, 'node_modules'), { recursive: true });
  const installed = JSON.stringify({ lockfileVersion: 3, packages: {} });
  writeFileSync(join(folder, 'node_modules', '.package-lock.json'), installed);
}

function launch(folder: string, node: string, args: readonly string[] = []): AfdscopeProcess {
  return new AfdscopeProcess(args, {}, [node, join(folder, 'bin', 'afdscope.js')], folder);
}

describe('the launcher', () => {
  test('installs once, then starts at once', async () => {
    const folder = checkout(SAY_AND_EXIT);
    const first = await launch(folder, process.execPath, ['a', '--b']).finished;
    expect(first.stderr).toContain('installing packages (npm ci)');
    expect(JSON.parse(first.stdout)).toMatchObject({ args: ['a', '--b'], cwd: folder });
    expect(first.code).toBe(7);
    const second = await launch(folder, process.execPath).finished;
    expect(second.stderr).toBe('');
    expect(second.code).toBe(7);
    // Another lock file, another install.
    const lockPath = join(folder, 'package-lock.json');
    const lock: unknown = JSON.parse(readFileSync(lockPath, 'utf8'));
    writeFileSync(lockPath, JSON.stringify(lock, null, 2));
    const third = await launch(folder, process.execPath).finished;
    expect(third.stderr).toContain('installing packages (npm ci)');
    // One that asks for what npm says it has installed: none.
    markInstalled(folder);
    writeFileSync(lockPath, JSON.stringify(lock, null, 4));
    const fourth = await launch(folder, process.execPath).finished;
    expect(fourth.stderr).toBe('');
    expect(fourth.code).toBe(7);
  });

  test.skipIf(OLD_NODE === undefined)('runs itself again under the newer Node', async () => {
    const folder = checkout(SAY_AND_EXIT);
    addNodePackage(folder);
    markInstalled(folder);
    const { code, stdout, stderr } = await launch(folder, OLD_NODE ?? '', ['x']).finished;
    expect(stderr).toBe('');
    expect(JSON.parse(stdout)).toMatchObject({ args: ['x'], node: process.versions.node });
    expect(code).toBe(7);
  });

  test.skipIf(OLD_NODE === undefined)('says in one line that Node 24 is missing', async () => {
    const folder = checkout(SAY_AND_EXIT);
    markInstalled(folder);
    const { code, stdout, stderr } = await launch(folder, OLD_NODE ?? '').finished;
    expect(code).toBe(1);
    expect(stdout).toBe('');
    expect(stderr.trim().split('\n')).toHaveLength(1);
    expect(stderr).toMatch(/^afdscope needs Node 24\.2 .*: install Node 24 .*npm install/);
  });

  test.skipIf(OLD_NODE === undefined)('passes signals on and keeps exit codes', async () => {
    const folder = checkout(`
      process.on('SIGTERM', () => process.exit(5));
      console.log('waiting');
      setInterval(() => {}, 1000);
    `);
    addNodePackage(folder);
    markInstalled(folder);
    const running = launch(folder, OLD_NODE ?? '');
    await running.prints(/waiting/);
    running.child.kill('SIGTERM');
    expect((await running.finished).code).toBe(5);
  });

  test.skipIf(OLD_NODE === undefined)('of this checkout runs under the old Node', async () => {
    const launcher = [OLD_NODE ?? '', join(ROOT, 'bin', 'afdscope.js')];
    const { code, stdout } = await new AfdscopeProcess(['--version'], {}, launcher).finished;
    expect(stdout).toMatch(/^\d+\.\d+\.\d+\n$/);
    expect(code).toBe(0);
  });

  test('two starts at once install once', async () => {
    const folder = checkout(SAY_AND_EXIT);
    const [a, b] = [launch(folder, process.execPath), launch(folder, process.execPath)];
    expect((await a.finished).code).toBe(7);
    expect((await b.finished).code).toBe(7);
    const installs = [a, b].filter(({ stderr }) => stderr.includes('installing packages'));
    expect(installs).toHaveLength(1);
  });
});

describe('tasks', () => {
  test('an unknown task is wrong usage', async () => {
    const launcher = [process.execPath, join(ROOT, 'bin', 'task.js')];
    const { code, stderr } = await new AfdscopeProcess(['nope'], {}, launcher).finished;
    expect(code).toBe(2);
    expect(stderr).toContain('usage: node bin/task.js test|test:long|check|bench|soak|build');
  });

  test('benchmarks are chosen by name', async () => {
    const launcher = [process.execPath, join(ROOT, 'bin', 'task.js')];
    const { code, stderr } = await new AfdscopeProcess(['bench', 'no-such'], {}, launcher).finished;
    expect(code).toBe(2);
    expect(stderr).toContain('no benchmark is called no-such');
  });
});
