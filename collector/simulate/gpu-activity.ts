/**
 * What a GPU's counters would show for a busy ratio. A waiting GPU is not idle to its counters:
 * receive kernels spin on a few SMs, which is why utilization says nothing about bubbles.
 */
export interface GpuActivity {
  /** `hw.gpu.utilization`: some kernel was running; about 1 whatever the bubble. */
  readonly utilizationRatio: number;
  readonly smActiveRatio: number;
  readonly dramActiveRatio: number;
  readonly tensorActiveRatio: number;
  readonly powerWatts: number;
}

/** While a kernel computes: attention reads the KV cache, experts multiply. */
const COMPUTING = {
  attention: { sm: 0.88, dram: 0.78, tensor: 0.24, watts: 640 },
  ffn: { sm: 0.91, dram: 0.46, tensor: 0.61, watts: 690 },
} as const;
/** While a receive kernel spins. */
const SPINNING = { sm: 0.14, dram: 0.02, tensor: 0, watts: 265 } as const;

export function gpuActivity(role: 'attention' | 'ffn', busyRatio: number): GpuActivity {
  const busy = Math.min(1, Math.max(0, busyRatio));
  const mix = (computing: number, spinning: number) => computing * busy + spinning * (1 - busy);
  const computing = COMPUTING[role];
  return {
    utilizationRatio: 0.99 + 0.01 * busy,
    smActiveRatio: mix(computing.sm, SPINNING.sm),
    dramActiveRatio: mix(computing.dram, SPINNING.dram),
    tensorActiveRatio: mix(computing.tensor, SPINNING.tensor),
    powerWatts: mix(computing.watts, SPINNING.watts),
  };
}
