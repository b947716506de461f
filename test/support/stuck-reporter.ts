/**
 * Ends a test run in which a file has given no news for some minutes beyond its test's limit, and says
 * which test it is and where its process stands. A time limit of a test is a timer in its own process:
 * what never gives way there is ended by nobody. `STUCK_TEST_FILE` names a file that the words go into
 * too, so that whoever runs the tests can repeat them at the end.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { errorText } from '#lib/base/error-text.ts';
import { stackOf } from './stuck-stack.ts';

/** Loading a file and its hooks take less, and so does what a test takes beyond its own limit. */
const SILENCE_MS = Number(process.env.STUCK_TEST_SILENCE_MS) || 12 * 60_000;
const LOOK_EVERY_MS = Math.min(15_000, SILENCE_MS / 4);

interface Running {
  readonly path: string;
  /** The last one that was told of; news come in batches, so a later one may have begun. */
  test: string;
  newsAtMs: number;
  /** Time that its test has, in all of its tries, which give no news in between. */
  limitMs: number;
}

export default class StuckReporter implements Reporter {
  readonly #running = new Map<string, Running>();
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  /** A process takes the file; it has not been loaded yet. */
  onTestModuleQueued({ moduleId }: TestModule): void {
    const newsAtMs = Date.now();
    this.#running.set(moduleId, {
      path: moduleId,
      test: 'none of its tests yet',
      newsAtMs,
      limitMs: 0,
    });
  }

  onTestCaseReady(test: TestCase): void {
    this.#news(test, limitOf(test));
  }

  onTestCaseResult(test: TestCase): void {
    this.#news(test, 0);
  }

  onTestModuleEnd({ moduleId }: TestModule): void {
    this.#running.delete(moduleId);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  #news({ module, fullName }: TestCase, limitMs: number): void {
    const running = this.#running.get(module.moduleId);
    if (running === undefined) return;
    Object.assign(running, { test: `"${fullName}"`, newsAtMs: Date.now(), limitMs });
  }

  #look(): void {
    const stuck = [...this.#running.values()].filter(
      ({ newsAtMs, limitMs }) => Date.now() - newsAtMs > limitMs + SILENCE_MS,
    );
    if (stuck.length === 0) return;
    clearInterval(this.#timer);
    for (const { path, test, limitMs } of stuck) {
      const minutes = (limitMs + SILENCE_MS) / 60_000;
      tell(`${path}: no news for ${minutes} min; last told of: ${test}. The run is ended.`);
    }
    void tellWhere()
      .catch((cause: unknown) => tell(errorText(cause)))
      .finally(() => process.exit(1));
  }
}

interface Listed {
  readonly pid: number;
  readonly parent: number;
  readonly args: string;
}

/** The processes of test files, what they have started, and which calls they are in. */
async function tellWhere(): Promise<void> {
  const all = listProcesses();
  const ofTests = all.filter(
    ({ parent, args }) => parent === process.pid && args !== 'vitest-watchdog',
  );
  const stacks = await Promise.all(
    ofTests.map(({ pid }) => stackOf(pid).catch((cause: unknown) => [errorText(cause)])),
  );
  for (const [i, { pid, args }] of ofTests.entries()) {
    tell(`process ${pid}: ${args}`);
    for (const frame of stacks[i]!) tell(`    ${frame}`);
    for (const child of all.filter(({ parent }) => parent === pid)) {
      tell(`  had started ${child.args}`);
      end(child.pid);
    }
  }
}

/** Vitest ends the processes of test files, and not what those have started. */
function end(pid: number): void {
  try {
    process.kill(pid, 'SIGTERM');
  } catch {
    // It has ended meanwhile.
  }
}

/** Of all tries of the test. */
function limitOf({ options }: TestCase): number {
  const { timeout = 0, retry = 0 } = options;
  const again = typeof retry === 'number' ? retry : (retry.count ?? 0);
  return timeout * (again + 1);
}

function listProcesses(): Listed[] {
  const { pid: own, ...run } = spawnSync('ps', ['-A', '-o', 'pid=,ppid=,args='], {
    encoding: 'utf8',
    timeout: 5000,
  });
  if (run.status !== 0) tell(`which processes there are is not known: ${run.error ?? run.stderr}`);
  return (run.stdout ?? '').split('\n').flatMap((line): Listed | [] => {
    const [, pid, parent, args] = /^ *(\d+) +(\d+) (.*)$/.exec(line) ?? [];
    return args === undefined || Number(pid) === own
      ? []
      : { pid: Number(pid), parent: Number(parent), args };
  });
}

function tell(text: string): void {
  process.stderr.write(`test: ${text}\n`);
  const file = process.env.STUCK_TEST_FILE;
  if (file === undefined) return;
  try {
    appendFileSync(file, `${text}\n`);
  } catch (cause) {
    process.stderr.write(`test: ${errorText(cause)}\n`);
  }
}
