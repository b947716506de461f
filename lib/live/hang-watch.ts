/**
 * Notices, once a second, that a deployment stands still: by the silence, since no new event says so.
 *
 *     newest end of the domain          now
 *     ───────────────┤                   │     longer than its senders' usual silence, a step in flight:
 *                    └─── silence ───────┘     a hang, and whose (lib/analysis/hang.ts)
 */
import { openHang, SILENT_NS, silentHang, stopLimitNs } from '#lib/analysis/hang.ts';
import type { Hang } from '#lib/analysis/hang-types.ts';
import { nanosBetween, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';

/** Silence that is no hang: so many times what is usual, and a second for a slow network; at least 2 s. */
const LAG_FACTOR = 1.5;
const LAG_MARGIN_NS = 1e9;
const MIN_SILENCE_NS = 2e9;

/** Hangs that are over are told for so long. */
const KEPT_NS = 600_000_000_000n;
const MAX_KEPT = 20;

export interface SeenWorker {
  readonly id: string;
  readonly domain: number;
  readonly lastEndUnixNs: UnixNanos;
}

export class HangWatch {
  /** By domain: what stands still, and the newest end as its sender's clock told it. */
  readonly #open = new Map<number, { readonly hang: Hang; readonly endUnixNs: UnixNanos }>();
  /** By domain: the newest end of a step that was looked at and found to be through. */
  readonly #cleared = new Map<number, UnixNanos>();
  #ended: Hang[] = [];
  #silent: Hang[] = [];
  /** By worker: when it was first seen to be behind, without news since. */
  readonly #behindSince = new Map<string, UnixNanos>();
  #nowUnixNs: UnixNanos | null = null;

  /**
   * `ends`: newest end by domain. `usualLagNs`: how long its senders leave us without news. `read`: the
   * newest events, asked for only where something stands still or goes on again. Has it changed?
   */
  look(
    nowUnixNs: UnixNanos,
    ends: ReadonlyMap<number, UnixNanos>,
    workers: Iterable<SeenWorker>,
    usualLagNs: number,
    read: () => Assembled,
  ): boolean {
    this.#nowUnixNs = nowUnixNs;
    const limitNs = Math.max(MIN_SILENCE_NS, LAG_FACTOR * usualLagNs + LAG_MARGIN_NS);
    let changed = false;
    let assembled: Assembled | null = null;
    const newest = (): Assembled => {
      assembled ??= read();
      return assembled;
    };
    for (const [domain, endUnixNs] of ends) {
      const open = this.#open.get(domain);
      if (open !== undefined && endUnixNs !== open.endUnixNs) {
        this.#open.delete(domain);
        this.#end(open.hang, newest());
        changed = true;
      }
      if (this.#open.has(domain) || this.#cleared.get(domain) === endUnixNs) continue;
      if (nanosBetween(endUnixNs, nowUnixNs) <= limitNs) continue;
      const hang = hangOf(newest(), domain);
      if (hang === null) {
        this.#cleared.set(domain, endUnixNs);
        continue;
      }
      if (nanosBetween(endUnixNs, nowUnixNs) <= stopLimitNs(hang.usualNs, limitNs)) continue;
      this.#open.set(domain, { hang, endUnixNs });
      changed = true;
    }
    const silent = this.#silentWorkers(nowUnixNs, workers, ends, Math.max(SILENT_NS, 2 * limitNs));
    if (silent.length !== this.#silent.length) changed = true;
    this.#silent = silent;
    return changed;
  }

  /** What stands still now, then what did in the last minutes, the newest first. */
  get hangs(): Hang[] {
    const now = this.#nowUnixNs;
    if (now === null) return [];
    const open = [...this.#open.values()].map(({ hang }) => ({
      ...hang,
      durationNs: Number(now - BigInt(hang.sinceUnixNs)),
    }));
    const recent = this.#ended.filter((hang) => BigInt(hang.untilUnixNs!) > now - KEPT_NS);
    return [...open, ...this.#silent, ...recent];
  }

  /** Workers without news while their domain goes on: not those that are late after a pause. */
  #silentWorkers(
    nowUnixNs: UnixNanos,
    workers: Iterable<SeenWorker>,
    ends: ReadonlyMap<number, UnixNanos>,
    limitNs: number,
  ): Hang[] {
    const silent: Hang[] = [];
    for (const { id, domain, lastEndUnixNs } of workers) {
      const endUnixNs = ends.get(domain);
      const durationNs = endUnixNs === undefined ? 0 : nanosBetween(lastEndUnixNs, endUnixNs);
      if (durationNs <= SILENT_NS || this.#open.has(domain)) {
        this.#behindSince.delete(id);
        continue;
      }
      const since = this.#behindSince.get(id) ?? nowUnixNs;
      this.#behindSince.set(id, since);
      if (durationNs <= limitNs || nanosBetween(since, nowUnixNs) < SILENT_NS) continue;
      silent.push(silentHang(id, domain, -1, lastEndUnixNs, durationNs));
    }
    return silent;
  }

  #end(hang: Hang, { events, endNs, steps, stepOf }: Assembled): void {
    const sinceNs = Number(BigInt(hang.sinceUnixNs) - events.baseUnixNs);
    // Clocks may have been brought together otherwise meanwhile.
    const afterNs = sinceNs + MIN_SILENCE_NS / 2;
    let first = Number.POSITIVE_INFINITY;
    for (let row = 0; row < endNs.length; row++) {
      const step = stepOf[row]!;
      if (step < 0 || steps.domain[step] !== hang.domain) continue;
      if (endNs[row]! > afterNs && endNs[row]! < first) first = endNs[row]!;
    }
    if (first === Number.POSITIVE_INFINITY) return;
    const untilUnixNs = String(events.baseUnixNs + BigInt(Math.round(first)));
    const durationNs = Math.round(first - sinceNs);
    this.#ended = [{ ...hang, untilUnixNs, durationNs }, ...this.#ended].slice(0, MAX_KEPT);
  }
}

/** Of the domain's newest step; what has to come is told by the last one before that is as long. */
function hangOf(assembled: Assembled, domain: number): Hang | null {
  const { steps } = assembled;
  let newest = -1;
  for (let step = 0; step < steps.length; step++) {
    if (steps.domain[step] !== domain) continue;
    if (newest < 0 || steps.endNs[step]! > steps.endNs[newest]!) newest = step;
  }
  if (newest < 0) return null;
  let reference = -1;
  for (let step = 0; step < steps.length; step++) {
    if (steps.domain[step] !== domain || step === newest) continue;
    if (steps.endNs[step]! > steps.startNs[newest]! && steps.step[step]! > steps.step[newest]!) {
      continue;
    }
    if (reference < 0 || steps.endNs[step]! > steps.endNs[reference]!) reference = step;
  }
  return openHang(assembled, newest, reference);
}
