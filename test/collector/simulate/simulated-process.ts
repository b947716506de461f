/** The simulated cluster as a real process. */
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../../../collector/simulate/main.ts', import.meta.url));

export class SimulatedProcess {
  readonly child: ChildProcess;
  #stderr = '';
  #control = '';

  constructor(args: readonly string[]) {
    this.child = spawn(process.execPath, [MAIN, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
    this.child.stderr?.on('data', (chunk: Buffer) => {
      this.#stderr += chunk.toString();
    });
  }

  get stderr(): string {
    return this.#stderr;
  }

  /** Resolves when the ready line came. */
  async ready(): Promise<void> {
    const { stdout } = this.child;
    if (stdout === null) throw new Error('no stdout');
    const lines = createInterface({ input: stdout });
    const [line] = (await once(lines, 'line')) as [string];
    const ready = JSON.parse(line) as { ready: boolean; control: string };
    if (!ready.ready) throw new Error(`not ready: ${line}`);
    this.#control = ready.control;
  }

  async get(path: string): Promise<unknown> {
    return (await fetch(this.#control + path)).json();
  }

  async put(body: string, contentType = 'application/json') {
    const response = await fetch(`${this.#control}/faults`, {
      method: 'PUT',
      headers: { 'content-type': contentType },
      body,
    });
    return { status: response.status, body: (await response.json()) as { detail?: string } };
  }

  putFaults(faults: object) {
    return this.put(JSON.stringify(faults));
  }

  async exited(): Promise<number | null> {
    if (this.child.exitCode === null && this.child.signalCode === null) {
      await once(this.child, 'exit');
    }
    return this.child.exitCode;
  }
}

/** Polls until `check` gives something; fails after twenty seconds, naming what it waited for. */
export async function eventually<T>(
  what: string,
  check: () => Promise<T | null | false> | T | null | false,
): Promise<T> {
  for (let i = 0; i < 400; i++) {
    const value = await check();
    if (value !== null && value !== false) return value;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error(`waited 20 s for ${what}`);
}
