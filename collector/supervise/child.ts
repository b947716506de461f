/**
 * One child process that should always run: started, known to be ready by a JSON line on its
 * stdout, started again with back-off when it dies, stopped with a grace period.
 *
 *     starting --ready line--> running --exit--> waiting 1 s, 2 s, … 30 s --> starting
 *        └─ exit before the first ready line: the first start failed, nobody retries
 */
import { type ChildProcess, spawn } from 'node:child_process';
import { createInterface } from 'node:readline';

export interface ChildSpec {
  /** What people call it: "collector". */
  readonly name: string;
  /** Program file and arguments, for this process's own Node. Asked again at every start. */
  readonly args: () => readonly string[];
  readonly env: () => NodeJS.ProcessEnv;
  readonly cwd: string;
  /** SIGKILL follows SIGTERM after so long. */
  readonly stopGraceMs: number;
  /** Output lines that say nothing to people. */
  readonly quiet?: RegExp;
}

export interface ChildEvents {
  /** At every start, with the parsed line. */
  onReady(line: Readonly<Record<string, unknown>>): void;
  /** A line for people. */
  say(text: string): void;
}

const FIRST_BACK_OFF_MS = 1000;
const LAST_BACK_OFF_MS = 30_000;
/** A child that ran so long starts again with the first back-off. */
const HEALTHY_MS = 60_000;

/** Thrown by `start` when the child ends before it is ready. */
export class ChildStartError extends Error {
  override readonly name = 'ChildStartError';
}

export class SupervisedChild {
  readonly #spec: ChildSpec;
  readonly #events: ChildEvents;
  #process: ChildProcess | undefined;
  #exited: Promise<void> = Promise.resolve();
  #restartTimer: NodeJS.Timeout | undefined;
  #backOffMs = FIRST_BACK_OFF_MS;
  #readyAtMs: number | undefined;
  #stopping = false;
  #restarts = 0;

  constructor(spec: ChildSpec, events: ChildEvents) {
    this.#spec = spec;
    this.#events = events;
  }

  get name(): string {
    return this.#spec.name;
  }

  get pid(): number | undefined {
    return this.#process?.pid;
  }

  get restarts(): number {
    return this.#restarts;
  }

  /** Resolves when the child is ready; rejects with `ChildStartError` if it ends before. */
  start(): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#launch(resolve, (why) => {
        const { name } = this.#spec;
        reject(new ChildStartError(`the ${name} did not start: ${why}; see its message above`));
      });
    });
  }

  /** Asks the child to end, makes it end after the grace period. Safe to call again. */
  async stop(): Promise<void> {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    const child = this.#process;
    if (child === undefined) return;
    child.kill('SIGTERM');
    const timer = setTimeout(() => {
      this.#events.say(
        `the ${this.#spec.name} did not end within ${this.#spec.stopGraceMs / 1000} s: killed`,
      );
      child.kill('SIGKILL');
    }, this.#spec.stopGraceMs);
    await this.#exited;
    clearTimeout(timer);
  }

  kill(): void {
    this.#stopping = true;
    clearTimeout(this.#restartTimer);
    this.#process?.kill('SIGKILL');
  }

  #launch(onFirstReady?: () => void, onFirstFailure?: (why: string) => void): void {
    const { args, env, cwd, name } = this.#spec;
    // A session of its own, so that the terminal's Ctrl-C reaches only the supervisor, which then
    // stops its children in order. The IPC channel tells the child when the supervisor is gone.
    const child = spawn(process.execPath, args(), {
      cwd,
      env: env(),
      stdio: ['pipe', 'pipe', 'inherit', 'ipc'],
      detached: process.platform !== 'win32',
      windowsHide: true,
    });
    this.#process = child;
    this.#readyAtMs = undefined;
    child.channel?.unref();
    child.stdin?.on('error', () => {}); // the child closed its stdin: nothing is ever written
    const beforeReady: string[] = [];
    const lines = createInterface({ input: child.stdout ?? process.stdin });
    lines.on('line', (text) => {
      const ready = this.#readyAtMs === undefined ? parseReadyLine(text) : null;
      if (ready !== null) {
        this.#readyAtMs = performance.now();
        this.#events.onReady(ready);
        onFirstReady?.();
      } else if (text.trim() !== '' && this.#spec.quiet?.test(text) !== true) {
        if (this.#readyAtMs === undefined) beforeReady.push(text);
        else this.#events.say(`${name}: ${text}`);
      }
    });
    this.#exited = new Promise((resolve) => {
      child.once('error', (error) => {
        beforeReady.push(error.message);
        // Without a process there is no exit event.
        if (child.pid === undefined) finish(`cannot be started (${error.message})`);
      });
      child.once('exit', (code, signal) =>
        finish(signal === null ? `exit code ${code}` : `ended by ${signal}`),
      );
      const finish = (why: string) => {
        this.#process = undefined;
        resolve();
        if (this.#stopping) {
          if (this.#readyAtMs === undefined) onFirstFailure?.('it was stopped');
          return;
        }
        if (this.#readyAtMs === undefined) {
          for (const text of beforeReady) this.#events.say(`${name}: ${text}`);
          if (onFirstFailure !== undefined) {
            onFirstFailure(why);
            return;
          }
        }
        this.#restartLater(why);
      };
    });
  }

  #restartLater(why: string): void {
    const ranMs = this.#readyAtMs === undefined ? 0 : performance.now() - this.#readyAtMs;
    if (ranMs >= HEALTHY_MS) this.#backOffMs = FIRST_BACK_OFF_MS;
    const waitMs = this.#backOffMs;
    this.#backOffMs = Math.min(waitMs * 2, LAST_BACK_OFF_MS);
    this.#events.say(
      `the ${this.#spec.name} died (${why}); starting it again in ${waitMs / 1000} s`,
    );
    this.#restartTimer = setTimeout(() => {
      this.#restarts++;
      this.#launch();
    }, waitMs);
  }
}

/** `{"ready":true, …}`; null for every other line. */
export function parseReadyLine(text: string): Readonly<Record<string, unknown>> | null {
  if (!text.startsWith('{')) return null;
  try {
    const value: unknown = JSON.parse(text);
    return isRecord(value) && value.ready === true ? value : null;
  } catch {
    return null;
  }
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
