/**
 * What both launchers (afdscope.js, task.js) do before TypeScript can run: packages installed, a
 * Node that runs it found, the Next.js app built. Plain JavaScript for Node 18 and later, without
 * packages. Messages go to stderr.
 */
import { spawn, spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const REQUIRED_NODE_MAJOR = 24;
const REQUIRED_NODE_MINOR = 2;

/** npm runs under whatever Node is on the PATH and warns of each package that wants a newer one. */
const QUIET = ['--no-audit', '--no-fund', '--loglevel=error'];

/** The folder that holds package.json. */
export const root = dirname(dirname(fileURLToPath(import.meta.url)));

/** A failure whose one line says what is missing and what to do. */
export class BootstrapError extends Error {}

/** @param {string} text */
export function say(text) {
  process.stderr.write(`${text}\n`);
}

/**
 * Installs the packages where they are missing or not those of package-lock.json. Needs no network
 * and takes milliseconds when nothing is to be done.
 * @param {{ dev: boolean }} options dev: the tools that build and test are needed, too
 */
export function ensureInstalled({ dev }, folder = root) {
  const lockPath = join(folder, 'package-lock.json');
  if (!existsSync(lockPath)) return; // a published package: npm has installed it
  const lock = readFileSync(lockPath);
  const hash = `${sha256(lock)} ${dev ? 'dev' : 'prod'}`;
  const hashPath = join(folder, 'node_modules', '.afdscope-lock-hash');
  const isFresh = () => [hash, `${sha256(lock)} dev`].includes(readIfThere(hashPath) ?? '');
  if (isFresh()) return;
  withLock(folder, () => {
    if (isFresh()) return;
    if (!holdsPackagesOf(folder, JSON.parse(lock.toString('utf8')), dev)) install(folder);
    mkdirSync(dirname(hashPath), { recursive: true });
    writeFileSync(hashPath, hash);
  });
}

function install(folder) {
  say('afdscope: installing packages (npm ci) …');
  const started = Date.now();
  let status = runNpm(['ci', ...QUIET], folder);
  if (status !== 0) {
    // A registry without some other platform's binaries makes `npm ci` refuse the lock file;
    // `install` takes the same versions and passes over what is optional.
    say('afdscope: npm ci failed; trying npm install with the same lock file …');
    status = runNpm(['install', '--no-save', ...QUIET], folder);
  }
  if (status !== 0) {
    throw new BootstrapError(
      `npm install failed (exit ${status}): see its messages above, then run it in ${folder}`,
    );
  }
  say(`afdscope: packages installed in ${seconds(started)}`);
}

/**
 * Does node_modules hold what the lock file asks for? npm keeps its own list of what it installed.
 * Optional packages (other platforms' binaries) may be missing.
 */
function holdsPackagesOf(folder, lock, dev) {
  const text = readIfThere(join(folder, 'node_modules', '.package-lock.json'));
  if (text === null) return false;
  let installed;
  try {
    installed = JSON.parse(text).packages ?? {};
  } catch {
    return false;
  }
  return Object.entries(lock.packages ?? {}).every(([path, wanted]) => {
    if (path === '' || wanted.optional || wanted.devOptional || wanted.peer) return true;
    if (wanted.dev && !dev) return true;
    return installed[path]?.version === wanted.version;
  });
}

function runNpm(args, folder) {
  // Under `npm run` the npm that runs is known; npm's own messages must not reach stdout.
  const script = process.env.npm_execpath;
  const viaScript = script !== undefined && /npm-cli\.[cm]?js$/.test(script);
  const windows = process.platform === 'win32';
  const result = viaScript
    ? spawnSync(process.execPath, [script, ...args], { cwd: folder, stdio: ['ignore', 2, 2] })
    : spawnSync('npm', args, { cwd: folder, stdio: ['ignore', 2, 2], shell: windows });
  if (result.error) {
    throw new BootstrapError(
      `npm is not on the PATH (${result.error.message}): install Node ${REQUIRED_NODE_MAJOR}, which brings it`,
    );
  }
  return result.status ?? 1;
}

/** Node 24.2 is the first that knows `import.meta.main`, without which a program ends at once, and says nothing. */
function isNewEnough(version) {
  const [major = 0, minor = 0] = version.split('.').map(Number);
  return (
    major > REQUIRED_NODE_MAJOR || (major === REQUIRED_NODE_MAJOR && minor >= REQUIRED_NODE_MINOR)
  );
}

/** As far as it is known of a node that `findNode` gave: another than this one is what npm installed. */
export function nodeVersionOf(node) {
  return node === process.execPath ? process.versions.node : `${REQUIRED_NODE_MAJOR}`;
}

/**
 * The Node that runs the product: this one if it is new enough, else the one that npm installed as
 * an optional dependency.
 * @returns {string} path of the executable
 */
export function findNode(folder = root, version = process.versions.node) {
  if (isNewEnough(version)) return process.execPath;
  const platform = process.platform === 'win32' ? 'win' : process.platform;
  const name = `node-${platform}-${process.arch}`;
  const file = process.platform === 'win32' ? 'node.exe' : 'node';
  // Beside this package in a checkout, or above it where it was installed as a dependency.
  for (const base of [join(folder, 'node_modules'), dirname(folder)]) {
    const path = join(base, name, 'bin', file);
    if (existsSync(path)) return path;
  }
  throw new BootstrapError(
    `afdscope needs Node ${REQUIRED_NODE_MAJOR}.${REQUIRED_NODE_MINOR} (this is ${version}, and there is no ${name} package here): ` +
      `install Node ${REQUIRED_NODE_MAJOR} from https://nodejs.org, or run \`npm install\` in ${folder}`,
  );
}

/** What a page is built from. tsconfig.json is not among it: `next build` rewrites it. */
const APP_INPUTS = [
  'app',
  'lib',
  'public',
  'package-lock.json',
  'next.config.js',
  'postcss.config.js',
];

/** Hash of everything that the built app depends on. */
export function appInputsHash(folder = root) {
  const hash = createHash('sha256');
  /** @param {string} path */
  const add = (path) => {
    const entries = listIfFolder(join(folder, path));
    if (entries !== null) {
      for (const name of entries) add(`${path}/${name}`);
      return;
    }
    const content = existsSync(join(folder, path)) ? readFileSync(join(folder, path)) : null;
    if (content !== null) hash.update(`${path}\0${content.length}\0`).update(content);
  };
  for (const input of APP_INPUTS) add(input);
  return hash.digest('hex');
}

/**
 * Runs `next build` unless the built app is that of the present sources.
 * @param {string} node executable
 */
export function ensureAppBuilt(node, folder = root) {
  const nextBin = join(folder, 'node_modules', 'next', 'dist', 'bin', 'next');
  if (!existsSync(join(folder, 'app')) || !existsSync(nextBin)) return; // published: built already
  const hashPath = join(folder, '.next', 'afdscope-build-hash');
  const hash = appInputsHash(folder);
  const isFresh = () =>
    readIfThere(hashPath) === hash && existsSync(join(folder, '.next', 'BUILD_ID'));
  if (isFresh()) return;
  withLock(folder, () => {
    if (!isFresh()) buildApp(node, nextBin, folder);
    mkdirSync(dirname(hashPath), { recursive: true });
    writeFileSync(hashPath, hash);
  });
}

function buildApp(node, nextBin, folder) {
  say('afdscope: building the dashboard (next build) …');
  const started = Date.now();
  // Its pages of progress matter to nobody unless it fails.
  const result = spawnSync(node, [nextBin, 'build'], {
    cwd: folder,
    stdio: ['ignore', 'pipe', 'pipe'],
    encoding: 'utf8',
    maxBuffer: 64 * 1024 * 1024,
    env: { ...process.env, NODE_ENV: 'production', NEXT_TELEMETRY_DISABLED: '1' },
  });
  if (result.status !== 0) {
    say(`${result.stdout ?? ''}${result.stderr ?? ''}`);
    throw new BootstrapError(`next build failed (exit ${result.status ?? result.signal})`);
  }
  say(`afdscope: dashboard built in ${seconds(started)}`);
}

/**
 * Two starts at once must not install into, or build, one folder together. The lock names its
 * process, so that one left by a killed process blocks nobody.
 */
function withLock(folder, work) {
  const path = join(tmpdir(), `afdscope-${sha256(folder).slice(0, 16)}.lock`);
  let told = false;
  for (;;) {
    try {
      writeFileSync(path, String(process.pid), { flag: 'wx' });
      break;
    } catch (error) {
      if (error.code !== 'EEXIST') throw error;
    }
    const holder = Number(readIfThere(path));
    if (holder > 0 && !isAlive(holder)) {
      rmSync(path, { force: true });
      continue;
    }
    if (!told) say(`afdscope: waiting for another start (process ${holder}) in this folder …`);
    told = true;
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 300);
  }
  try {
    work();
  } finally {
    rmSync(path, { force: true });
  }
}

function isAlive(pid) {
  try {
    process.kill(pid, 0);
    return !isZombie(pid);
  } catch (error) {
    return error.code === 'EPERM';
  }
}

/** Ended, but nobody has asked how: in a container whose first process never asks, for ever. */
function isZombie(pid) {
  // The name before the state may hold anything, a bracket too.
  return /\) [ZX] [^)]*$/.test(readIfThere(`/proc/${pid}/stat`) ?? '');
}

/**
 * Runs a program in this one's place: same streams, signals passed on, its exit code kept.
 * @param {string} node executable
 * @param {readonly string[]} args
 * @returns {Promise<number>} exit code
 */
export function runInPlace(node, args, env = process.env) {
  return new Promise((resolve, reject) => {
    // The channel tells the program when this process is gone, however it went.
    const child = spawn(node, args, { stdio: ['inherit', 'inherit', 'inherit', 'ipc'], env });
    // Ctrl-C reaches the child from the terminal, too; it counts near signals as one.
    const signals = ['SIGINT', 'SIGTERM', 'SIGHUP'];
    const passOn = (signal) => child.kill(signal);
    for (const signal of signals) process.on(signal, passOn);
    // Whoever started this with a channel of its own and is gone: so is the program's parent.
    const passOnEnd = () => child.disconnect();
    process.once('disconnect', passOnEnd);
    child.once('error', reject);
    child.once('exit', (code, signal) => {
      for (const name of signals) process.off(name, passOn);
      process.off('disconnect', passOnEnd);
      if (signal === null) resolve(code ?? 1);
      else process.kill(process.pid, signal);
    });
  });
}

/** @param {Promise<number>} exitCode */
export async function exitWith(exitCode) {
  try {
    process.exitCode = await exitCode;
  } catch (error) {
    if (!(error instanceof BootstrapError)) throw error;
    say(error.message);
    process.exitCode = 1;
  }
}

/** @param {number} startedMs */
export function seconds(startedMs) {
  return `${((Date.now() - startedMs) / 1000).toFixed(1)} s`;
}

function sha256(content) {
  return createHash('sha256').update(content).digest('hex');
}

function readIfThere(path) {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

function listIfFolder(path) {
  try {
    return readdirSync(path).sort();
  } catch {
    return null;
  }
}
