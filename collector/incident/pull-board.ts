/**
 * What is asked of workers for incidents: steps of the recent past that they hold and did not send
 * (docs/pull.md). Workers listen on no port, so that the question goes out as a header of the answers
 * to what they export:
 *
 *     afdscope-pull: <id>;from=<unix ms>;to=<unix ms>;deployment=<percent-encoded>
 *
 * Everything here is in memory and on the receivers' own thread; an answer costs a look at a map that
 * is empty as long as no incident is recorded.
 */
import type { PullSource } from '#collector/receive/receiver.ts';
import { unixMsFromNanos } from '#lib/base/units.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';

/** An id stays the same for the same window: workers answer each one once, after a restart of ours too. */
export interface PullRequest {
  readonly incidentId: string;
  readonly deployment: string;
  readonly window: TimeWindow;
  readonly origin: PullOrigin;
}

export const PULL_ORIGINS = ['alert', 'manual'] as const;
export type PullOrigin = (typeof PULL_ORIGINS)[number];

export interface OpenPull {
  readonly id: string;
  readonly deployment: string;
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
  readonly openUntilUnixMs: number;
}

export interface PullCounts {
  readonly asked: Readonly<Record<PullOrigin, number>>;
  /** Not asked, because as many as there may be were open. */
  readonly leftOut: number;
  /** Answers that carried a question. */
  readonly answers: number;
}

/** After the end of the window, or after it was asked for: several exports of every worker. */
export const PULL_OPEN_MS = 30_000;
/** No worker holds steps for longer: what ended earlier is not asked for. */
export const PULL_REACH_MS = 10 * 60_000;
/** Of all deployments together; a header line each, and clients read some hundred lines. */
export const MAX_OPEN_PULLS = 16;
/** A worker says so with each export; one that has said nothing for so long is gone. */
const RING_SEEN_MS = 60_000;
const MAX_RING_DEPLOYMENTS = 1024;

interface Asked extends OpenPull {
  readonly incidentId: string;
  readonly value: string;
}

export class PullBoard implements PullSource {
  readonly #nowUnixMs: () => number;
  readonly #open = new Map<string, Asked>();
  /** When a worker of the deployment last said that it holds steps, the longest unheard first. */
  readonly #ringSeenUnixMs = new Map<string, number>();
  readonly #asked: Record<PullOrigin, number> = { alert: 0, manual: 0 };
  #leftOut = 0;
  #answers = 0;

  constructor(nowUnixMs: () => number) {
    this.#nowUnixMs = nowUnixMs;
  }

  get counts(): PullCounts {
    return {
      asked: { ...this.#asked },
      leftOut: this.#leftOut,
      answers: this.#answers,
    };
  }

  /**
   * Asks for a window from now on, until some time after its end. Asked again, nothing changes; a window
   * of the same incident that reaches further takes the place of the one before.
   */
  ask({ incidentId, deployment, window, origin }: PullRequest): void {
    const nowUnixMs = this.#nowUnixMs();
    const fromUnixMs = unixMsFromNanos(window.fromUnixNs);
    const toUnixMs = Math.ceil(Number(window.toUnixNs / 1000n) / 1000);
    // About the collector itself: nobody has steps of it.
    if (deployment === '' || toUnixMs < nowUnixMs - PULL_REACH_MS) return;
    const id = `${incidentId}.${fromUnixMs.toString(36)}.${toUnixMs.toString(36)}`;
    if (this.#open.has(id)) return;
    this.withdraw(incidentId);
    this.#expire(nowUnixMs);
    if (this.#open.size >= MAX_OPEN_PULLS) {
      this.#leftOut++;
      return;
    }
    this.#asked[origin]++;
    this.#open.set(id, {
      ...{ id, incidentId, deployment, fromUnixMs, toUnixMs },
      openUntilUnixMs: Math.max(nowUnixMs, toUnixMs) + PULL_OPEN_MS,
      value: `${id};from=${fromUnixMs};to=${toUnixMs};deployment=${encodeURIComponent(deployment)}`,
    });
  }

  /** Nobody wants the incident's steps any more. */
  withdraw(incidentId: string): void {
    for (const asked of this.#open.values()) {
      if (asked.incidentId === incidentId) this.#open.delete(asked.id);
    }
  }

  valuesFor(ringHeader: string | undefined): readonly string[] {
    if (ringHeader === undefined && this.#open.size === 0) return NOTHING;
    const nowUnixMs = this.#nowUnixMs();
    const ring = ringHeader === undefined ? undefined : this.#notice(ringHeader, nowUnixMs);
    if (this.#open.size === 0) return NOTHING;
    this.#expire(nowUnixMs);
    const values: string[] = [];
    for (const { deployment, value } of this.#open.values()) {
      if (ring === undefined || ring === deployment) values.push(value);
    }
    if (values.length > 0) this.#answers++;
    return values;
  }

  /** Whether a worker of it said, in the last minute, that it holds steps that it did not send. */
  hasRing(deployment: string): boolean {
    const seenUnixMs = this.#ringSeenUnixMs.get(deployment);
    return seenUnixMs !== undefined && this.#nowUnixMs() - seenUnixMs <= RING_SEEN_MS;
  }

  /** What is asked for now. */
  open(): readonly OpenPull[] {
    this.#expire(this.#nowUnixMs());
    return [...this.#open.values()].map(
      ({ id, deployment, fromUnixMs, toUnixMs, openUntilUnixMs }) => ({
        ...{ id, deployment, fromUnixMs, toUnixMs, openUntilUnixMs },
      }),
    );
  }

  /** The deployment that `afdscope-ring` names; undefined: none that can be read. */
  #notice(header: string, nowUnixMs: number): string | undefined {
    const parameters = header.split(';').slice(1);
    let deployment: string | undefined;
    for (const parameter of parameters) {
      const [name, value = ''] = parameter.trim().split('=', 2);
      if (name === 'deployment') deployment = decoded(value);
    }
    if (deployment === undefined || deployment === '') return undefined;
    this.#ringSeenUnixMs.delete(deployment);
    this.#ringSeenUnixMs.set(deployment, nowUnixMs);
    if (this.#ringSeenUnixMs.size > MAX_RING_DEPLOYMENTS) {
      const [oldest] = this.#ringSeenUnixMs.keys();
      if (oldest !== undefined) this.#ringSeenUnixMs.delete(oldest);
    }
    return deployment;
  }

  #expire(nowUnixMs: number): void {
    for (const { id, openUntilUnixMs } of this.#open.values()) {
      if (openUntilUnixMs <= nowUnixMs) this.#open.delete(id);
    }
  }
}

const NOTHING: readonly string[] = [];

function decoded(text: string): string | undefined {
  try {
    return decodeURIComponent(text);
  } catch {
    return undefined;
  }
}
