/**
 * Peaks of GPUs: dense tensor FLOP/s (without structured sparsity, which data sheets like to print)
 * and bytes/s of device memory, one package each. Sources stand beside each entry; "not checked" means
 * that no primary source was at hand on 2026-11-27.
 */
export interface GpuPeak {
  readonly name: string;
  readonly bf16FlopsPerSecond: number;
  /** null: no FP8 units. */
  readonly fp8FlopsPerSecond: number | null;
  readonly bytesPerSecond: number;
}

const T = 1e12;

const PEAKS: readonly GpuPeak[] = [
  // NVIDIA H100 data sheet, SXM: 1,979 and 3,958 TFLOPS with sparsity, 3.35 TB/s; dense is half.
  gpu('H100', 989.5 * T, 1979 * T, 3.35 * T),
  // An H100 with slower NVLink: tensor cores and memory as there (DeepSeek-V3 report; not checked with
  // a data sheet of NVIDIA's).
  gpu('H800', 989.5 * T, 1979 * T, 3.35 * T),
  // NVIDIA H200 data sheet: H100's tensor cores, 4.8 TB/s.
  gpu('H200', 989.5 * T, 1979 * T, 4.8 * T),
  // Published comparisons give 148 BF16, 296 INT8/FP8, 4.0 TB/s; NVIDIA publishes no data sheet.
  gpu('H20', 148 * T, 296 * T, 4.0 * T),
  // NVIDIA's Blackwell table, HGX B200: 4.5 and 9 PFLOPS with sparsity; 7.7 TB/s (180 GB).
  gpu('B200', 2250 * T, 4500 * T, 7.7 * T),
  // The same table, GB200 NVL72, one GPU: 5 and 10 PFLOPS with sparsity; 8 TB/s.
  gpu('GB200', 2500 * T, 5000 * T, 8.0 * T),
  // AMD Instinct MI300X data sheet: 1,307.4 and 2,614.9 TFLOPS dense, 5.3 TB/s.
  gpu('MI300X', 1307.4 * T, 2614.9 * T, 5.3 * T),
  // Two dies in a package, no FP8. DigiTimes, April 2025: 780 TFLOPS BF16, 3.2 TB/s; not checked with
  // Huawei.
  gpu('Ascend 910C', 780 * T, null, 3.2 * T),
];

/** Longer names first: an H200 is not an H20, a GB200 not a B200. */
const PATTERNS: readonly [RegExp, string][] = [
  [/GB200/i, 'GB200'],
  [/\bB200/i, 'B200'],
  [/H200/i, 'H200'],
  [/H100/i, 'H100'],
  [/H800/i, 'H800'],
  [/H20(?!\d)/i, 'H20'],
  [/MI300X/i, 'MI300X'],
  [/910C/i, 'Ascend 910C'],
];

function gpu(
  name: string,
  bf16FlopsPerSecond: number,
  fp8FlopsPerSecond: number | null,
  bytesPerSecond: number,
): GpuPeak {
  return { name, bf16FlopsPerSecond, fp8FlopsPerSecond, bytesPerSecond };
}

/** By a name as drivers and people write it ("NVIDIA H200 141GB HBM3e"); null: not in the table. */
export function gpuPeakOf(model: string): GpuPeak | null {
  const name = PATTERNS.find(([pattern]) => pattern.test(model))?.[1];
  return PEAKS.find((peak) => peak.name === name) ?? null;
}

export const KNOWN_GPUS: readonly string[] = PEAKS.map(({ name }) => name);
