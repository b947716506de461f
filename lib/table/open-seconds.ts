/**
 * Which seconds of events are still being added up, and when each seems to be complete: it got
 * nothing for two turns, or was open for long. Turns are told, so that nothing here knows a clock.
 *
 *     turn        0    1    2    3    4    5
 *     added to    x         x
 *     closed                          x
 */

/** A second is closed when it got nothing for so many turns, or was open for so many. */
const QUIET_TURNS = 2;
const MOST_TURNS = 10;
/** Seconds that are held open at once (hostile input has more): then all are closed. */
const MAX_OPEN_SECONDS = 256;

interface OpenSecond {
  readonly firstSequence: number;
  readonly openedTurn: number;
  touchedTurn: number;
}

export class OpenSeconds {
  turn = 0;
  readonly #open = new Map<number, OpenSecond>();

  /** Something of an append is added to a second (since the epoch); the first such append counts. */
  begin(second: number, sequence: number): void {
    if (this.#open.has(second)) return;
    const { turn } = this;
    this.#open.set(second, { firstSequence: sequence, openedTurn: turn, touchedTurn: turn });
  }

  /** It was added to in that turn. */
  touch(second: number, turn: number): void {
    const open = this.#open.get(second);
    if (open !== undefined && turn > open.touchedTurn) open.touchedTurn = turn;
  }

  seconds(): readonly number[] {
    return [...this.#open.keys()];
  }

  /** Those that seem to be complete. */
  complete(): Set<number> {
    const all = this.#open.size > MAX_OPEN_SECONDS;
    const seconds = new Set<number>();
    for (const [second, { openedTurn, touchedTurn }] of this.#open) {
      const quiet = this.turn - touchedTurn >= QUIET_TURNS;
      if (all || quiet || this.turn - openedTurn >= MOST_TURNS) seconds.add(second);
    }
    return seconds;
  }

  /** Forgets those that `isTaken` says. */
  end(isTaken: (second: number) => boolean): void {
    for (const second of this.#open.keys()) if (isTaken(second)) this.#open.delete(second);
  }

  /** The first append that brought something of an open second; null: none is open. */
  get firstSequence(): number | null {
    let first: number | null = null;
    for (const { firstSequence } of this.#open.values()) {
      if (first === null || firstSequence < first) first = firstSequence;
    }
    return first;
  }
}
