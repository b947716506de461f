/**
 * Critical paths of the steps that end in a window, summed: what one slice finds, and what the report
 * says of all of them. Sums are of whole nanoseconds, so that slices add up to the last of them.
 */
import type { Assembled } from '#lib/model/assembled.ts';
import { endsInWindow, type WindowNs } from '#lib/model/select-window.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { CriticalPaths, PATH_KINDS } from './critical-path.ts';
import { indexDependencies } from './dependency-index.ts';
import type { CriticalPathSums } from './report-types.ts';

/** Stage of time that nothing explains. */
export const GAP_STAGE = 'gap';

/** What the shares beyond `MAX_SHARES` are added up under. */
const OTHER = 'other';
const MAX_SHARES = 200;

/** One row a place: worker, stage, layer, kind. */
export interface PathSamples {
  readonly steps: number;
  readonly durationNs: number;
  readonly workers: readonly string[];
  readonly stages: readonly string[];
  readonly worker: Int32Array;
  readonly stage: Int32Array;
  readonly layer: Int32Array;
  /** Place in `PATH_KINDS`. */
  readonly kind: Uint8Array;
  readonly ns: Float64Array;
}

/** `selected` holds all steps that overlap one that ends in the window. */
export function pathSamples(selected: Assembled, window: WindowNs): PathSamples {
  const { events, steps } = selected;
  const cells = new Cells();
  const paths = new CriticalPaths(indexDependencies(selected));
  const gap = events.stageNames.length;
  let count = 0;
  let durationNs = 0;
  for (let step = 0; step < steps.length; step++) {
    if (!endsInWindow(steps.startNs[step]!, steps.endNs[step]!, window)) continue;
    count++;
    durationNs += steps.endNs[step]! - steps.startNs[step]!;
    paths.walk(step, (startNs, endNs, worker, stage, layer, _, kind) => {
      cells.add(worker, stage < 0 ? gap : stage, layer, kind, endNs - startNs);
    });
  }
  return {
    steps: count,
    durationNs,
    workers: events.workers.map((info) => workerId(info)),
    stages: [...events.stageNames, GAP_STAGE],
    ...cells.columns(),
  };
}

/** `parts` are those of windows that make up the report's. null: no step ends in it. */
export function reportCriticalPath(parts: readonly PathSamples[]): CriticalPathSums | null {
  const steps = parts.reduce((sum, part) => sum + part.steps, 0);
  if (steps === 0) return null;
  const shares = new Shares();
  const byStage = new Map<string, number>();
  const byWorker = new Map<string, number>();
  const byLayer = new Map<number, number>();
  const byKind = new Map<number, number>();
  for (const { workers, stages, worker, stage, layer, kind, ns } of parts) {
    for (let i = 0; i < ns.length; i++) {
      const id = workers[worker[i]!]!;
      const stageName = stages[stage[i]!]!;
      shares.add(id, stageName, layer[i]!, ns[i]!);
      addTo(byStage, stageName, ns[i]!);
      addTo(byWorker, id, ns[i]!);
      addTo(byLayer, layer[i]!, ns[i]!);
      addTo(byKind, kind[i]!, ns[i]!);
    }
  }
  return {
    durationNs: parts.reduce((sum, part) => sum + part.durationNs, 0),
    steps,
    ofSteps: steps,
    share: largestShares(shares.all),
    byStage: largestFirst(byStage).map(([stage, ns]) => ({ stage, ns })),
    byWorker: largestFirst(byWorker).map(([worker, ns]) => ({ worker, ns })),
    byLayer: largestFirst(byLayer).map(([layer, ns]) => ({ layer, ns })),
    byKind: largestFirst(byKind).map(([kind, ns]) => ({ kind: PATH_KINDS[kind]!, ns })),
  };
}

interface Share {
  readonly worker: string;
  readonly stage: string;
  readonly layer: number;
  ns: number;
}

/** Sums by (worker, stage, layer), whatever the parts call them by. */
class Shares {
  readonly all: Share[] = [];
  readonly #stages = new Map<string, number>();
  readonly #byWorker = new Map<string, Map<number, Share>>();

  add(worker: string, stage: string, layer: number, ns: number): void {
    let own = this.#byWorker.get(worker);
    if (own === undefined) {
      own = new Map();
      this.#byWorker.set(worker, own);
    }
    let code = this.#stages.get(stage);
    if (code === undefined) {
      code = this.#stages.size;
      this.#stages.set(stage, code);
    }
    const place = placeOf(code, layer);
    const share = own.get(place);
    if (share !== undefined) {
      share.ns += ns;
      return;
    }
    const first = { worker, stage, layer, ns };
    own.set(place, first);
    this.all.push(first);
  }
}

function addTo<K>(sums: Map<K, number>, key: K, ns: number): void {
  sums.set(key, (sums.get(key) ?? 0) + ns);
}

function largestFirst<K extends string | number>(sums: ReadonlyMap<K, number>): [K, number][] {
  return [...sums].sort(([a, x], [b, y]) => y - x || ascending(a, b));
}

function largestShares(shares: Share[]): Share[] {
  shares.sort(
    (a, b) =>
      b.ns - a.ns ||
      ascending(a.worker, b.worker) ||
      ascending(a.stage, b.stage) ||
      a.layer - b.layer,
  );
  if (shares.length <= MAX_SHARES) return shares;
  const rest = shares.splice(MAX_SHARES);
  const ns = rest.reduce((sum, share) => sum + share.ns, 0);
  return [...shares, { worker: OTHER, stage: OTHER, layer: -1, ns }];
}

function ascending<K extends string | number>(a: K, b: K): number {
  if (a === b) return 0;
  return a < b ? -1 : 1;
}

/** Sums by (worker, stage, layer, kind). */
class Cells {
  /** By worker: its cells by the other three in one number. */
  readonly #cellsOf: Map<number, number>[] = [];
  readonly #worker: number[] = [];
  readonly #stage: number[] = [];
  readonly #layer: number[] = [];
  readonly #kind: number[] = [];
  readonly #ns: number[] = [];

  add(worker: number, stage: number, layer: number, kind: number, ns: number): void {
    this.#cellsOf[worker] ??= new Map();
    const cells = this.#cellsOf[worker];
    const place = placeOf(stage, layer) * PATH_KINDS.length + kind;
    const cell = cells.get(place);
    if (cell !== undefined) {
      this.#ns[cell] = this.#ns[cell]! + ns;
      return;
    }
    cells.set(place, this.#ns.push(ns) - 1);
    this.#worker.push(worker);
    this.#stage.push(stage);
    this.#layer.push(layer);
    this.#kind.push(kind);
  }

  columns(): Pick<PathSamples, 'worker' | 'stage' | 'layer' | 'kind' | 'ns'> {
    return {
      worker: Int32Array.from(this.#worker),
      stage: Int32Array.from(this.#stage),
      layer: Int32Array.from(this.#layer),
      kind: Uint8Array.from(this.#kind),
      ns: Float64Array.from(this.#ns),
    };
  }
}

/** Both in one number: a layer has 31 bits, a stage 17 with the one for gaps. */
function placeOf(stage: number, layer: number): number {
  return (layer + 1) * 131_072 + stage;
}
