/** Times of questions: elapsed, and processor time, which other work on the machine cannot blow up. */
import type { BenchRow } from './bench-report.ts';

export class QueryTimes {
  readonly #wallMs: number[] = [];
  readonly #cpuMs: number[] = [];
  #bytes = 0;

  async measure<T>(ask: () => Promise<T>): Promise<T> {
    const cpu = process.threadCpuUsage();
    const start = process.hrtime.bigint();
    const answer = await ask();
    this.#wallMs.push(Number(process.hrtime.bigint() - start) / 1e6);
    const { user, system } = process.threadCpuUsage(cpu);
    this.#cpuMs.push((user + system) / 1e3);
    this.#bytes = Math.max(this.#bytes, bytesOf(answer));
    return answer;
  }

  addAll(other: QueryTimes): void {
    this.#wallMs.push(...other.#wallMs);
    this.#cpuMs.push(...other.#cpuMs);
    this.#bytes = Math.max(this.#bytes, other.#bytes);
  }

  get count(): number {
    return this.#cpuMs.length;
  }

  cpuMs(share: number): number {
    return at(this.#cpuMs, share);
  }

  /** `name`: what was asked. */
  rows(name: string): BenchRow[] {
    const times = (ms: readonly number[]): string =>
      [0.5, 0.95, 1].map((share) => at(ms, share).toFixed(1)).join(' / ');
    return [
      { name: `${name}: p50 / p95 / max, processor`, value: times(this.#cpuMs), unit: 'ms' },
      { name: `${name}: p50 / p95 / max, elapsed`, value: times(this.#wallMs), unit: 'ms' },
      { name: `${name}: largest answer`, value: Math.ceil(this.#bytes / 1024), unit: 'KiB' },
    ];
  }
}

/** An answer that is bytes already says how many. */
function bytesOf(answer: unknown): number {
  const isMeasured = typeof answer === 'object' && answer !== null && 'bytes' in answer;
  return isMeasured && typeof answer.bytes === 'number'
    ? answer.bytes
    : JSON.stringify(answer).length;
}

function at(values: readonly number[], share: number): number {
  const sorted = [...values].sort((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? Number.NaN;
}
