#!/usr/bin/env node
/**
 * The npm scripts that need more than one program: test, test:long, check, bench, soak, build. Each
 * bootstraps as the product does, runs its steps one after the other, and stops at the first that
 * fails, naming it.
 */
import { spawnSync } from 'node:child_process';
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import {
  BootstrapError,
  ensureAppBuilt,
  ensureInstalled,
  exitWith,
  findNode,
  nodeVersionOf,
  root,
  say,
  seconds,
} from './bootstrap.js';
import { soundArgs } from './process-settings.js';
import { totalsOf } from './test-report.js';

const NOTHING = { passed: 0, failed: 0, skipped: 0, retried: [], broken: [] };
const USAGE = 'usage: node bin/task.js test|test:long|check|bench|soak|build [arguments]';

async function main() {
  const [task, ...args] = process.argv.slice(2);
  const run = { test, 'test:long': testLong, check, bench, soak, build }[task ?? ''];
  if (run === undefined) {
    say(USAGE);
    return 2;
  }
  ensureInstalled({ dev: true });
  const node = findNode();
  // Tools that start `node` by name get the same one.
  process.env.PATH = [dirname(node), process.env.PATH ?? ''].join(delimiter);
  return run(node, args);
}

function check(node) {
  const steps = [
    ['format and lint (biome)', () => runTool(node, '@biomejs/biome', 'biome', ['check', '.'])],
    ['types (tsc)', () => runTool(node, 'typescript', 'tsc', ['--noEmit'])],
    [
      'types of pure and browser-safe rooms, without Node (tsc)',
      () => runTool(node, 'typescript', 'tsc', ['-p', 'tsconfig.pure.json']),
    ],
    ['dead code (knip)', () => runTool(node, 'knip', 'knip', [])],
  ];
  for (const [name, step] of steps) {
    const started = Date.now();
    say(`\ncheck: ${name} …`);
    const status = step();
    if (status !== 0) {
      say(`check: ${name} failed after ${seconds(started)}`);
      return status;
    }
    say(`check: ${name} passed in ${seconds(started)}`);
  }
  const started = Date.now();
  say('\ncheck: tests …');
  const status = test(node, []);
  say(`check: tests ${status === 0 ? 'passed' : 'failed'} in ${seconds(started)}`);
  return status;
}

/** Arguments go to vitest: `npm test -- test/lib/config`. */
function test(node, args) {
  const chromium = findChromium();
  ensureAppBuilt(node);
  const totals = [vitest(node, 'unit', args)];
  if (chromium === null) {
    say('\nNO BROWSER: the tests of the web pages are skipped. Install Chromium or Chrome and set');
    say('CHROME_PATH to it (Debian, Ubuntu: apt-get install chromium).');
    totals.push({ ...NOTHING, skipped: countTests(node, 'e2e') });
  } else {
    process.env.CHROME_PATH = chromium;
    totals.push(vitest(node, 'e2e', args));
  }
  return report(totals);
}

function testLong(node, args) {
  ensureAppBuilt(node);
  return report([vitest(node, 'long', args)]);
}

function build(node) {
  ensureAppBuilt(node);
  return 0;
}

/**
 * Runs every benchmark, or those whose file name holds one of the names given; options (`--json`) go
 * to each of them. The soak takes ten minutes and runs only where it is named.
 */
function bench(node, args) {
  const names = args.filter((arg) => !arg.startsWith('-'));
  const options = args.filter((arg) => arg.startsWith('-'));
  const json = options.includes('--json');
  const folder = join(root, 'test', 'bench');
  const files = existsSync(folder) ? readdirSync(folder).filter((f) => f.endsWith('.ts')) : [];
  const chosen = files
    .sort()
    .filter((file) =>
      names.length === 0 ? file !== 'soak.ts' : names.some((name) => file.includes(name)),
    );
  if (chosen.length === 0) {
    say(`no benchmark is called ${names.join(', ') || 'anything'}; there are: ${files.join(' ')}`);
    return 2;
  }
  for (const file of chosen) {
    // One JSON document a line, and nothing between them.
    if (!json) say(`\nbench: ${file}`);
    const run = [...soundArgs(nodeVersionOf(node)), join(folder, file), ...options];
    const { status } = spawnSync(node, run, { cwd: root, stdio: 'inherit' });
    if (status !== 0) {
      say(`bench: ${file} failed (exit ${status})`);
      return 1;
    }
  }
  return 0;
}

/** `npm run soak -- --minutes 30` */
function soak(node, args) {
  const file = join(root, 'test', 'bench', 'soak.ts');
  const run = [...soundArgs(nodeVersionOf(node)), file, ...args];
  return spawnSync(node, run, { cwd: root, stdio: 'inherit' }).status ?? 1;
}

function vitest(node, project, args) {
  const folder = mkdtempSync(join(tmpdir(), 'afdscope-test-'));
  const output = join(folder, 'report.json');
  const stuck = join(folder, 'stuck.txt');
  process.env.STUCK_TEST_FILE = stuck;
  say(`\ntest: project ${project}`);
  try {
    const status = runTool(node, 'vitest', 'vitest', [
      'run',
      '--project',
      project,
      '--passWithNoTests',
      '--reporter=default',
      '--reporter=json',
      `--reporter=${join(root, 'test', 'support', 'stuck-reporter.ts')}`,
      `--outputFile=${output}`,
      ...args,
    ]);
    if (!existsSync(output)) {
      const text = `test: project ${project} ended without a report (exit ${status})`;
      say(text);
      const why = existsSync(stuck) ? readFileSync(stuck, 'utf8').trimEnd().split('\n') : [];
      return { ...NOTHING, broken: [text, ...why.map((line) => `  ${line}`)] };
    }
    const counted = totalsOf(readFileSync(output, 'utf8'));
    return {
      ...counted,
      broken:
        status !== 0 && counted.failed === 0
          ? [`test: project ${project}: errors outside tests, see above`]
          : [],
    };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

/** Prints the totals as the very last line; exit code 0 if all is well. */
function report(totals) {
  const sum = (key) => totals.reduce((total, one) => total + one[key], 0);
  const retried = totals.flatMap((one) => one.retried);
  if (retried.length > 0) {
    say(`\ntest: ${retried.length} passed at another try only:`);
    for (const text of retried) say(`  ${text}`);
  }
  const broken = totals.flatMap((one) => one.broken);
  if (broken.length > 0) say(`\n${broken.join('\n')}`);
  const none = sum('passed') + sum('failed') + sum('skipped') === 0;
  if (none && broken.length === 0) say('\ntest: no test matches');
  process.stdout.write(
    `\n${sum('passed')} passed, ${sum('failed')} failed, ${sum('skipped')} skipped\n`,
  );
  return broken.length > 0 || none || sum('failed') > 0 ? 1 : 0;
}

function countTests(node, project) {
  const result = spawnSync(
    node,
    [toolPath('vitest', 'vitest'), 'list', '--project', project, '--json'],
    { cwd: root, encoding: 'utf8' },
  );
  try {
    return JSON.parse(result.stdout.slice(result.stdout.indexOf('['))).length;
  } catch {
    return 0;
  }
}

/** @returns {string | null} path of a Chromium; installed by apt where that is possible */
function findChromium() {
  const candidates = [
    process.env.CHROME_PATH,
    '/usr/bin/chromium',
    '/usr/bin/chromium-browser',
    '/usr/bin/google-chrome',
    '/Applications/Google Chrome.app/Contents/MacOS/Google Chrome',
    '/Applications/Chromium.app/Contents/MacOS/Chromium',
  ];
  const found = () => candidates.find((path) => path && existsSync(path)) ?? null;
  const wanted = [];
  if (found() === null) wanted.push('chromium');
  if (!existsSync('/usr/bin/promtool')) wanted.push('prometheus'); // its promtool checks /metrics
  const canInstall = existsSync('/usr/bin/apt-get') && process.getuid?.() === 0;
  if (wanted.length > 0 && canInstall) {
    say(`test: installing ${wanted.join(' and ')} (apt-get) …`);
    const options = {
      stdio: ['ignore', 2, 2],
      env: { ...process.env, DEBIAN_FRONTEND: 'noninteractive' },
    };
    const update = spawnSync('apt-get', ['update'], options);
    const install =
      update.status === 0
        ? spawnSync('apt-get', ['install', '-y', '--no-install-recommends', ...wanted], options)
        : update;
    if (install.status !== 0) say(`test: apt-get failed (exit ${install.status})`);
  }
  return found();
}

function runTool(node, packageName, bin, args) {
  const tool = toolPath(packageName, bin);
  const { status, signal } = spawnSync(node, [tool, ...args], { cwd: root, stdio: 'inherit' });
  if (signal !== null) say(`${bin} was ended by ${signal}`);
  return status ?? 1;
}

function toolPath(packageName, bin) {
  const folder = join(root, 'node_modules', packageName);
  const manifest = join(folder, 'package.json');
  if (!existsSync(manifest)) {
    throw new BootstrapError(`${packageName} is not installed: run npm ci in ${root}`);
  }
  const entry = JSON.parse(readFileSync(manifest, 'utf8')).bin;
  return join(folder, typeof entry === 'string' ? entry : entry[bin]);
}

await exitWith(main());
