import { describe, expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { GpuActivityBook } from '#lib/live/gpu-activity.ts';
import { testWorker } from '#test/support/afd-table.ts';
import { gauge, metricTable } from '#test/support/metric-points.ts';

const BASE = 1_795_442_400_000_000_000n;
const at = (seconds: number) => unixNanos(BASE + BigInt(seconds * 1e9));
const workers = [
  testWorker(0),
  testWorker(1),
  testWorker(0, { role: 'ffn', group: 'ffn', hwId: '' }),
];

describe('GpuActivityBook', () => {
  test('means of the newest values of each group', () => {
    const book = new GpuActivityBook();
    const dram = (rank: number) =>
      gauge('DCGM_FI_PROF_DRAM_ACTIVE', { hwId: `GPU-attention-${rank}`, workerId: '' });
    const first = dram(0);
    book.add(
      metricTable(BASE, [
        [first, 2e9, 0.8],
        [first, 1e9, 0.1],
        [dram(1), 1e9, 0.6],
        [gauge('DCGM_FI_DEV_POWER_USAGE', { hwId: '', workerId: 'ffn/0' }), 1e9, 512],
        [gauge('DCGM_FI_DEV_GPU_UTIL', { hwId: 'GPU-attention-0' }), 1e9, 1],
      ]),
    );
    const [attention, ffn] = book.groups(workers, at(3));
    expect(attention?.dramActiveRatio).toBeCloseTo(0.7, 12);
    expect(attention).toMatchObject({ group: 'attention', smActiveRatio: null, powerWatts: null });
    expect(ffn).toMatchObject({ group: 'ffn', dramActiveRatio: null, powerWatts: 512 });
  });

  test('old values no longer count, nor do those of another deployment’s rank', () => {
    const book = new GpuActivityBook({ staleNs: 30e9 });
    book.add(
      metricTable(BASE, [
        [gauge('DCGM_FI_PROF_SM_ACTIVE', { hwId: 'GPU-attention-0' }), 0, 0.5],
        [gauge('hw.power', { hwId: '', workerId: 'ffn/0', deployment: 'other' }), 0, 100],
        [gauge('DCGM_FI_PROF_SM_ACTIVE', { hwId: 'GPU-attention-1' }), 0, Number.NaN],
      ]),
    );
    expect(book.groups(workers, at(29))[0]?.smActiveRatio).toBe(0.5);
    expect(book.groups(workers, at(31))[0]?.smActiveRatio).toBeNull();
    expect(book.groups(workers, at(1))[1]?.powerWatts).toBeNull();
  });

  test('two incarnations of a worker are one GPU; memory is bounded', () => {
    const book = new GpuActivityBook({ maxGpus: 2 });
    for (const hwId of ['GPU-x', 'GPU-attention-1', 'GPU-attention-0']) {
      book.add(metricTable(BASE, [[gauge('DCGM_FI_PROF_SM_ACTIVE', { hwId }), 0, 0.25]]));
    }
    const twice = [...workers, testWorker(0, { incarnation: 'two' })];
    expect(book.groups(twice, at(1))[0]?.smActiveRatio).toBe(0.25);
    expect(book.groups([testWorker(9, { hwId: 'GPU-x' })], at(1))[0]?.smActiveRatio).toBeNull();
  });
});
