/** Keeps looks at deployments until their minute is over, then as rows of the log. */
import type { SampleSet } from '#lib/alert/sample.ts';
import { minuteOf, SampleMinute } from '#lib/query/sample-rows.ts';
import type { LogEntry } from '#lib/store/state-store.ts';

/** Reports are over five seconds: looks in between say the same again. */
const EVERY_MS = 5000;

export class SampleRecorder {
  readonly #part: string;
  readonly #open = new Map<string, SampleMinute>();
  /** Minutes that are over, not packed yet. */
  #closed: SampleMinute[] = [];

  /** `part`: of this process, which may share a minute with the one before. */
  constructor(part: string) {
    this.#part = part;
  }

  /** Takes a look. Minutes that are over by it are packed by `takeClosed`. */
  add(set: SampleSet): void {
    const minuteUnixMs = minuteOf(set.atUnixMs);
    let open = this.#open.get(set.deployment);
    if (open === undefined || open.minuteUnixMs !== minuteUnixMs) {
      if (open !== undefined) this.#closed.push(open);
      open = new SampleMinute(set.deployment, minuteUnixMs);
      this.#open.set(set.deployment, open);
    }
    if (Math.abs(set.atUnixMs - open.newestLookUnixMs) >= EVERY_MS) open.add(set);
  }

  /** Rows of the minutes that are over by now, each packed (some milliseconds) as it is asked for. */
  *takeClosed(): Generator<LogEntry> {
    for (let minute = this.#closed.shift(); minute !== undefined; minute = this.#closed.shift()) {
      // Otherwise there was nothing to keep.
      if (!minute.isEmpty) yield minute.row(this.#part);
    }
  }

  /** The row of the minute that is not over, to be replaced by a fuller one; null: there is none. */
  openRow(deployment: string): LogEntry | null {
    const open = this.#open.get(deployment);
    return open === undefined || open.isEmpty ? null : open.row(this.#part);
  }

  /** Minutes of deployments that were not looked at any more since are over, too. */
  closeOld(nowUnixMs: number): void {
    for (const [deployment, open] of this.#open) {
      if (open.minuteUnixMs >= minuteOf(nowUnixMs)) continue;
      this.#closed.push(open);
      this.#open.delete(deployment);
    }
  }

  takeAll(): LogEntry[] {
    this.#closed.push(...this.#open.values());
    this.#open.clear();
    return [...this.takeClosed()];
  }
}
