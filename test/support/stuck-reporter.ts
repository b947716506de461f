/**
 * Ends a test run in which a file has given no news for a quarter of an hour, and names the test. A time
 * limit of a test is a timer in its own process: what never gives way there is ended by nobody.
 */
import type { Reporter, TestCase, TestModule } from 'vitest/node';

const SILENCE_MS = 15 * 60_000;
const LOOK_EVERY_MS = 15_000;

interface Running {
  readonly path: string;
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
    this.#running.set(moduleId, { path: moduleId, test: 'its first test', newsAtMs: Date.now() });
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
    for (const { path, test } of stuck) {
      process.stderr.write(
        `\ntest: ${path} has given no news for ${SILENCE_MS / 60_000} min, at "${test}": ended\n`,
      );
    }
    process.exit(1);
  }
}
