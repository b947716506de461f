/** Keeps looks at deployments until their minute is over, then as rows of the log. */
import type { SampleSet } from '#lib/alert/sample.ts';
import { minuteOf, sampleRow } from '#lib/query/sample-rows.ts';
import type { LogEntry } from '#lib/store/state-store.ts';

/** Reports are over five seconds: looks in between say the same again. */
const EVERY_MS = 5000;

interface Minute {
  readonly minuteUnixMs: number;
  readonly sets: SampleSet[];
}

export class SampleRecorder {
  readonly #part: string;
  readonly #open = new Map<string, Minute>();

  /** `part`: of this process, which may share a minute with the one before. */
  constructor(part: string) {
    this.#part = part;
  }

  /** Takes a look; gives the row of the minute before where that is over. */
  add(set: SampleSet): LogEntry | null {
    const minuteUnixMs = minuteOf(set.atUnixMs);
    const open = this.#open.get(set.deployment);
    if (open === undefined || open.minuteUnixMs !== minuteUnixMs) {
      this.#open.set(set.deployment, { minuteUnixMs, sets: [set] });
      return open === undefined ? null : this.#row(open);
    }
    const last = open.sets.at(-1)!;
    if (Math.abs(set.atUnixMs - last.atUnixMs) >= EVERY_MS) open.sets.push(set);
    return null;
  }

  /** The row of the minute that is not over, to be replaced by a fuller one; null: there is none. */
  openRow(deployment: string): LogEntry | null {
    const open = this.#open.get(deployment);
    return open === undefined ? null : this.#row(open);
  }

  /** Rows of deployments that were not looked at any more in the minutes since. */
  takeOld(nowUnixMs: number): LogEntry[] {
    const rows: LogEntry[] = [];
    for (const [deployment, open] of this.#open) {
      if (open.minuteUnixMs >= minuteOf(nowUnixMs)) continue;
      const row = this.#row(open);
      if (row !== null) rows.push(row);
      this.#open.delete(deployment);
    }
    return rows;
  }

  takeAll(): LogEntry[] {
    const rows = [...this.#open.values()].flatMap((open) => this.#row(open) ?? []);
    this.#open.clear();
    return rows;
  }

  /** null: there was nothing to keep. */
  #row({ sets, minuteUnixMs }: Minute): LogEntry | null {
    if (sets.every(({ samples }) => samples.length === 0)) return null;
    return sampleRow(sets, minuteUnixMs, this.#part);
  }
}
