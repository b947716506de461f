/**
 * The newest GPU figures of every group, from the metrics that DCGM's exporter, the OpenTelemetry
 * Collector or the workers send. GPU_UTIL is not among them on purpose: it reads about 100 % while a
 * receive kernel spins, so it says nothing about a bubble.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import type { MetricTable } from '#lib/table/metric-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

export const GPU_FIGURES = [
  'dramActiveRatio',
  'tensorActiveRatio',
  'smActiveRatio',
  'powerWatts',
] as const;
export type GpuFigure = (typeof GPU_FIGURES)[number];

/** Metric names that hold a figure. */
const FIGURE_BY_METRIC: ReadonlyMap<string, GpuFigure> = new Map([
  ['DCGM_FI_PROF_DRAM_ACTIVE', 'dramActiveRatio'],
  ['DCGM_FI_PROF_PIPE_TENSOR_ACTIVE', 'tensorActiveRatio'],
  ['DCGM_FI_PROF_SM_ACTIVE', 'smActiveRatio'],
  ['DCGM_FI_DEV_POWER_USAGE', 'powerWatts'],
  ['hw.gpu.power', 'powerWatts'],
  ['hw.power', 'powerWatts'],
]);

/** Means over the group's GPUs of their newest values; null where no metric came. */
export interface GroupGpuActivity {
  readonly group: string;
  readonly dramActiveRatio: number | null;
  readonly tensorActiveRatio: number | null;
  readonly smActiveRatio: number | null;
  readonly powerWatts: number | null;
}

interface Gauge {
  timeUnixNs: UnixNanos;
  value: number;
}

interface Gpu {
  readonly gauges: Map<GpuFigure, Gauge>;
}

export class GpuActivityBook {
  readonly #maxGpus: number;
  readonly #staleNs: bigint;
  /** By "hw\0UUID" or "worker\0deployment\0group/rank". */
  readonly #gpus = new Map<string, Gpu>();

  /** Values older than `staleNs` no longer count. */
  constructor(options: { readonly maxGpus?: number; readonly staleNs?: number } = {}) {
    this.#maxGpus = options.maxGpus ?? 20_000;
    this.#staleNs = BigInt(options.staleNs ?? 30_000_000_000);
  }

  add(table: MetricTable): void {
    const figures = table.series.map((series) => FIGURE_BY_METRIC.get(series.name));
    for (let i = 0; i < table.length; i++) {
      const figure = figures[table.seriesIndex[i]!];
      const series = table.series[table.seriesIndex[i]!]!;
      if (figure === undefined || series.type !== 'gauge') continue;
      const value = table.value[i]!;
      if (!Number.isFinite(value)) continue;
      const timeUnixNs = (table.baseUnixNs + BigInt(Math.round(table.timeNs[i]!))) as UnixNanos;
      if (series.hwId !== '') this.#put(hwKey(series.hwId), figure, timeUnixNs, value);
      else if (series.workerId !== '') {
        this.#put(workerKey(series.deployment, series.workerId), figure, timeUnixNs, value);
      }
    }
  }

  #put(key: string, figure: GpuFigure, timeUnixNs: UnixNanos, value: number): void {
    let gpu = this.#gpus.get(key);
    if (gpu === undefined) {
      gpu = { gauges: new Map() };
      if (this.#gpus.size >= this.#maxGpus) {
        for (const oldest of this.#gpus.keys()) {
          this.#gpus.delete(oldest);
          break;
        }
      }
      this.#gpus.set(key, gpu);
    }
    const known = gpu.gauges.get(figure);
    if (known === undefined || timeUnixNs >= known.timeUnixNs) {
      gpu.gauges.set(figure, { timeUnixNs, value });
    }
  }

  /** One entry for each group of `workers` (all of one deployment), by the group's name. */
  groups(workers: Iterable<WorkerInfo>, nowUnixNs: UnixNanos): GroupGpuActivity[] {
    const sums = new Map<string, Record<GpuFigure, { sum: number; n: number }>>();
    const counted = new Set<string>();
    for (const worker of workers) {
      const sum = sums.get(worker.group) ?? emptySums();
      sums.set(worker.group, sum);
      const id = `${worker.group}/${worker.rank}`;
      const byHw = worker.hwId === '' ? undefined : this.#gpus.get(hwKey(worker.hwId));
      const gpu = byHw ?? this.#gpus.get(workerKey(worker.deployment, id));
      // Two incarnations of a worker, or two workers on one GPU, are one GPU.
      const identity = byHw === undefined ? id : worker.hwId;
      if (gpu === undefined || counted.has(identity)) continue;
      counted.add(identity);
      for (const [figure, gauge] of gpu.gauges) {
        if (nowUnixNs - gauge.timeUnixNs > this.#staleNs) continue;
        sum[figure].sum += gauge.value;
        sum[figure].n++;
      }
    }
    return [...sums.entries()]
      .sort(([a], [b]) => (a < b ? -1 : 1))
      .map(([group, sum]) => ({
        group,
        dramActiveRatio: mean(sum.dramActiveRatio),
        tensorActiveRatio: mean(sum.tensorActiveRatio),
        smActiveRatio: mean(sum.smActiveRatio),
        powerWatts: mean(sum.powerWatts),
      }));
  }
}

function emptySums(): Record<GpuFigure, { sum: number; n: number }> {
  return {
    dramActiveRatio: { sum: 0, n: 0 },
    tensorActiveRatio: { sum: 0, n: 0 },
    smActiveRatio: { sum: 0, n: 0 },
    powerWatts: { sum: 0, n: 0 },
  };
}

function mean({ sum, n }: { sum: number; n: number }): number | null {
  return n === 0 ? null : sum / n;
}

function hwKey(hwId: string): string {
  return `hw\0${hwId}`;
}

function workerKey(deployment: string, workerId: string): string {
  return `worker\0${deployment}\0${workerId}`;
}
