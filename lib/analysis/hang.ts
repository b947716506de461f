/**
 * Hangs: progress that stopped while a step was in flight, and resumed or not; and workers that fell
 * silent while others went on.
 *
 *     ends of events   ││││ │││││││ │││                          │││ ││││││ │││      of one step
 *                                     └── since ── nothing ends ─┘ until
 *
 * A deployment without traffic does not hang: its last step is through. Thresholds and their reasons:
 * docs/definitions.md, "Hangs".
 */
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { findBlame } from './hang-blame.ts';
import { type ChainItem, isInFlight, progressIn } from './hang-chains.ts';
import type { Hang, HangWorker } from './hang-types.ts';
import { endsInRange, type StepRange } from './load-sums.ts';

/** Nothing ends for so long, and for so many usual steps: progress has stopped. */
export const MIN_STOP_NS = 1e9;
export const MIN_STOP_STEPS = 3;

/** At the end of a report's window, senders may not have reported yet: OpenTelemetry's wait 5 s. */
export const OPEN_STOP_NS = 6e9;
export const SILENT_NS = 6e9;

/** How long nothing may end before a step counts as standing still. */
export function stopLimitNs(usualNs: number | null, atLeastNs: number): number {
  return Math.max(atLeastNs, MIN_STOP_STEPS * (usualNs ?? 0));
}

/** What a slice of a window tells of hangs; plain data. */
export interface HangPart {
  /** Of steps that end in the slice. */
  readonly ended: readonly Hang[];
  /** The newest step of each domain, as if it hung from its last end on; null: it went through. */
  readonly newest: readonly {
    readonly domain: number;
    readonly endUnixNs: bigint;
    readonly open: Hang | null;
  }[];
  readonly workers: readonly {
    readonly id: string;
    readonly lastEndUnixNs: bigint;
    readonly domains: readonly number[];
    readonly lastStep: number;
  }[];
}

export function hangPart(assembled: Assembled, range: StepRange): HangPart {
  const { steps } = assembled;
  const before = stepsBefore(assembled);
  const ended: Hang[] = [];
  const newest = new Map<number, number>();
  for (let step = 0; step < steps.length; step++) {
    const domain = steps.domain[step]!;
    const known = newest.get(domain);
    if (known === undefined || steps.endNs[step]! > steps.endNs[known]!) newest.set(domain, step);
    if (!endsInRange(steps.startNs[step]!, steps.endNs[step]!, range)) continue;
    const usualNs = usualAround(assembled, step, before);
    const limitNs = stopLimitNs(usualNs, MIN_STOP_NS);
    if (steps.endNs[step]! - steps.startNs[step]! <= limitNs) continue;
    const hang = endedHang(assembled, step, usualNs, limitNs);
    if (hang !== null) ended.push(hang);
  }
  const { baseUnixNs } = assembled.events;
  return {
    ended,
    newest: [...newest].map(([domain, step]) => {
      const endNs = steps.endNs[step]!;
      const mayHang = range.whole.toNs - endNs > OPEN_STOP_NS;
      return {
        domain,
        endUnixNs: addNanos(baseUnixNs, endNs),
        open: mayHang ? openHang(assembled, step, before[step]!) : null,
      };
    }),
    workers: lastEnds(assembled),
  };
}

/** `parts`: of slices that make up a window that ends at `toUnixNs`. The newest first. */
export function reportHangs(parts: readonly HangPart[], toUnixNs: UnixNanos): Hang[] {
  const newest = new Map<number, HangPart['newest'][number]>();
  for (const one of parts.flatMap((part) => part.newest)) {
    const known = newest.get(one.domain);
    // Of equal ones the later part's: it has the step before, too.
    if (known === undefined || one.endUnixNs >= known.endUnixNs) newest.set(one.domain, one);
  }
  const open = [...newest.values()].flatMap((one) => {
    const lastedNs = Number(toUnixNs - one.endUnixNs);
    if (one.open === null) return [];
    if (lastedNs <= stopLimitNs(one.open.usualNs, OPEN_STOP_NS)) return [];
    return [{ ...one.open, durationNs: lastedNs }];
  });
  const ends = new Map([...newest].map(([domain, { endUnixNs }]) => [domain, endUnixNs]));
  const hangs = [...parts.flatMap((part) => part.ended), ...open, ...silentWorkers(parts, ends)];
  return hangs.sort((a, b) => compareInstants(b.sinceUnixNs, a.sinceUnixNs));
}

function compareInstants(a: string, b: string): number {
  const difference = BigInt(a) - BigInt(b);
  return difference < 0n ? -1 : difference > 0n ? 1 : 0;
}

/**
 * The step stands still from its last end on. `reference`: a step of the domain that went through, -1:
 * none is known. null: it is not in flight.
 */
export function openHang(assembled: Assembled, step: number, reference: number): Hang | null {
  const { steps } = assembled;
  const stopNs = steps.endNs[step]!;
  const progress = progressIn(assembled, step, reference, stopNs);
  if (!isInFlight(assembled, progress)) return null;
  const usualNs = reference < 0 ? null : steps.endNs[reference]! - steps.startNs[reference]!;
  return describe(assembled, step, reference, stopNs, null, usualNs);
}

/** The step went on in the end, so that it tells itself what had to come. */
function endedHang(
  assembled: Assembled,
  step: number,
  usualNs: number | null,
  limitNs: number,
): Hang | null {
  const ends: number[] = [];
  const { stepOf, endNs } = assembled;
  for (let row = 0; row < stepOf.length; row++) if (stepOf[row] === step) ends.push(endNs[row]!);
  const sorted = Float64Array.from(ends).sort();
  let at = 0;
  for (let i = 1; i + 1 < sorted.length; i++) {
    if (sorted[i + 1]! - sorted[i]! > sorted[at + 1]! - sorted[at]!) at = i;
  }
  if (sorted.length < 2 || sorted[at + 1]! - sorted[at]! <= limitNs) return null;
  return describe(assembled, step, step, sorted[at]!, sorted[at + 1]!, usualNs);
}

function describe(
  assembled: Assembled,
  step: number,
  reference: number,
  stopNs: number,
  resumedNs: number | null,
  usualNs: number | null,
): Hang {
  const { events, steps } = assembled;
  const instant = (ns: number): string => String(addNanos(events.baseUnixNs, ns));
  const progress = progressIn(assembled, step, reference, stopNs);
  const blame = findBlame(assembled, step, progress, stopNs);
  const ids = events.workers.map(workerId);
  return {
    kind: 'hang',
    domain: steps.domain[step]!,
    step: steps.step[step]!,
    sinceUnixNs: instant(stopNs),
    untilUnixNs: resumedNs === null ? null : instant(resumedNs),
    durationNs: resumedNs === null ? 0 : resumedNs - stopNs,
    usualNs,
    worker: blame.worker < 0 ? null : ids[blame.worker]!,
    reason: blame.reason,
    waiting: blame.waiting,
    workers: progress.map(({ worker, lastRow }): HangWorker => {
      const chain = blame.pending.get(worker);
      return {
        worker: ids[worker]!,
        last: lastRow < 0 ? null : lastEvent(assembled, lastRow),
        next: chain === undefined ? null : nextEvent(assembled, chain.microbatch, chain.next!),
        waitsFor: (blame.waitsFor.get(worker) ?? []).map((other) => ids[other]!),
      };
    }),
  };
}

function lastEvent({ events, endNs }: Assembled, row: number): HangWorker['last'] {
  return {
    step: events.step[row]!,
    stage: events.stageNames[events.stage[row]!]!,
    layer: events.layer[row]!,
    microbatch: events.microbatch[row]!,
    endUnixNs: String(addNanos(events.baseUnixNs, endNs[row]!)),
  };
}

function nextEvent(
  { events }: Assembled,
  microbatch: number,
  { stage, layer }: ChainItem,
): HangWorker['next'] {
  return { stage: events.stageNames[stage]!, layer, microbatch };
}

/** The row of the step numbered directly before, -1 where it is not there. */
function stepsBefore({ steps }: Assembled): Int32Array {
  const before = new Int32Array(steps.length).fill(-1);
  for (let step = 0; step < steps.length; step++) {
    const next = steps.next[step]!;
    if (next >= 0) before[next] = step;
  }
  return before;
}

/** Latency of the step before or after, whichever is shorter: a hang may last over a step's end. */
function usualAround({ steps }: Assembled, step: number, before: Int32Array): number | null {
  const around = [before[step]!, steps.next[step]!].filter((one) => one >= 0);
  if (around.length === 0) return null;
  return Math.min(...around.map((one) => steps.endNs[one]! - steps.startNs[one]!));
}

function lastEnds(assembled: Assembled): HangPart['workers'] {
  const { events, endNs, offsets, steps, workerSteps } = assembled;
  return events.workers.map((info, w) => {
    let last = offsets[w]!;
    for (let row = last; row < offsets[w + 1]!; row++) if (endNs[row]! > endNs[last]!) last = row;
    const domains = new Set<number>();
    for (let i = workerSteps.offsets[w]!; i < workerSteps.offsets[w + 1]!; i++) {
      domains.add(steps.domain[workerSteps.step[i]!]!);
    }
    return {
      id: workerId(info),
      lastEndUnixNs: addNanos(events.baseUnixNs, endNs[last]!),
      domains: [...domains].sort((a, b) => a - b),
      lastStep: events.step[last]!,
    };
  });
}

/** Workers without an event for so long, while steps of all their domains went on. */
function silentWorkers(parts: readonly HangPart[], ends: ReadonlyMap<number, bigint>): Hang[] {
  const last = new Map<string, HangPart['workers'][number] & { readonly all: Set<number> }>();
  for (const one of parts.flatMap((part) => part.workers)) {
    const known = last.get(one.id);
    const all = known?.all ?? new Set<number>();
    for (const domain of one.domains) all.add(domain);
    const isNewer = known === undefined || one.lastEndUnixNs > known.lastEndUnixNs;
    last.set(one.id, { ...(isNewer ? one : known), all });
  }
  const silent: Hang[] = [];
  for (const { id, lastEndUnixNs, lastStep, all } of last.values()) {
    const wentOn = [...all].flatMap((domain) => ends.get(domain) ?? []);
    if (wentOn.length === 0) continue;
    const until = wentOn.sort((a, b) => (a < b ? -1 : 1))[0]!;
    const durationNs = Number(until - lastEndUnixNs);
    if (durationNs <= SILENT_NS) continue;
    silent.push(silentHang(id, Math.min(...all), lastStep, lastEndUnixNs, durationNs));
  }
  return silent.sort((a, b) => (a.worker! < b.worker! ? -1 : 1));
}

/** A worker without news while others go on. `step`: its last one, -1 where not known. */
export function silentHang(
  worker: string,
  domain: number,
  step: number,
  lastEndUnixNs: bigint,
  durationNs: number,
): Hang {
  return {
    kind: 'silent',
    domain,
    step,
    sinceUnixNs: String(lastEndUnixNs),
    untilUnixNs: null,
    durationNs,
    usualNs: null,
    worker,
    reason: 'silent',
    waiting: 0,
    workers: [],
  };
}
