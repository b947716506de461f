/**
 * Ends a test run in which a file has given no news for some minutes, and says which test it is and where
 * its process stands. A time limit of a test is a timer in its own process: what never gives way there is
 * ended by nobody. `STUCK_TEST_FILE` names a file that the words go into too, so that whoever runs the
 * tests can repeat them at the end.
 */
import { spawnSync } from 'node:child_process';
import { appendFileSync } from 'node:fs';
import type { Reporter, TestCase, TestModule } from 'vitest/node';
import { errorText } from '#lib/base/error-text.ts';
import { stackOf } from './stuck-stack.ts';

/** The longest limit of a test is ten minutes. */
const SILENCE_MS = Number(process.env.STUCK_TEST_SILENCE_MS ?? 12 * 60_000);
const LOOK_EVERY_MS = Math.min(15_000, SILENCE_MS / 4);

interface Running {
  readonly path: string;
  /** The last one that was told of; news come in batches, so a later one may have begun. */
  test: string;
  newsAtMs: number;
}

export default class StuckReporter implements Reporter {
  readonly #running = new Map<string, Running>();
  #timer: NodeJS.Timeout | undefined;

  onTestRunStart(): void {
    this.#timer = setInterval(() => this.#look(), LOOK_EVERY_MS);
    this.#timer.unref();
  }

  onTestModuleStart({ moduleId }: TestModule): void {
    this.#running.set(moduleId, { path: moduleId, test: 'no test', newsAtMs: Date.now() });
  }

  onTestCaseReady(test: TestCase): void {
    this.#news(test);
  }

  onTestCaseResult(test: TestCase): void {
    this.#news(test);
  }

  onTestModuleEnd({ moduleId }: TestModule): void {
    this.#running.delete(moduleId);
  }

  onTestRunEnd(): void {
    clearInterval(this.#timer);
  }

  #news({ module, fullName }: TestCase): void {
    const running = this.#running.get(module.moduleId);
    if (running !== undefined) Object.assign(running, { test: fullName, newsAtMs: Date.now() });
  }

  #look(): void {
    const stuck = [...this.#running.values()].filter(
      ({ newsAtMs }) => Date.now() - newsAtMs > SILENCE_MS,
    );
    if (stuck.length === 0) return;
    clearInterval(this.#timer);
    for (const { path, test } of stuck) {
      tell(
        `${path} has given no news for ${SILENCE_MS / 60_000} min, the last of "${test}": ended`,
      );
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
    for (const { parent, args: child } of all) if (parent === pid) tell(`  has started ${child}`);
    for (const frame of stacks[i]!) tell(`    ${frame}`);
  }
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
  if (file !== undefined) appendFileSync(file, `${text}\n`);
}
