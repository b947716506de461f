import { afterAll, describe, expect, it } from 'vitest';
import type { KernelTable } from '#lib/ingest/kernel-table.ts';
import { builtInKernels, parseKernelTable } from '#lib/ingest/kernel-table-file.ts';
import { readTelemetryFiles } from '#lib/ingest/read-files.ts';
import { kernelEvent, launchEvent, rangeEvent, trace } from '#test/support/kineto-events.ts';
import { readTrace, removeTraces, rowsOf, traceFile } from '#test/support/kineto-rows.ts';

afterAll(removeTraces);

describe('kernels', () => {
  const kinds = async (names: readonly string[], table?: KernelTable) => {
    const made = names.map((name, i) =>
      kernelEvent({ startNs: BigInt(i) * 1_000n, durationNs: 10n, name }),
    );
    return rowsOf(await readTrace(trace(made), table)).map(({ stage, kind }) => `${stage} ${kind}`);
  };

  it.each([
    'ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)',
    'ncclKernel_Broadcast_RING_LL_Sum_int8_t(ncclWorkElem)',
    'rcclGenericKernel',
    'hcom_allReduce_',
    'nvshmemi_transfer_quiet',
    'void deep_ep::internode_ll::dispatch<true, false, 7168>(void*)',
    'void deep_ep::intranode::combine<__nv_bfloat16, 8, 768>(void*)',
    'void deep_ep::internode::notify_dispatch<false, 8>(int const*)',
    'void vllm::cross_device_reduce_1stage<c10::BFloat16, 8>(vllm::RankData*)',
    'multimem_all_reduce_kernel',
    'void sglang::custom_all_reduce_kernel(int)',
    'stepmesh_push_kernel',
    'a2e_send_kernel',
    'e2a_kernel',
  ])('%s is communication', async (name) => {
    expect(await kinds([name])).toEqual(['collective transfer']);
  });

  it('get stages where their names tell, else their own shortened names', async () => {
    expect(
      await kinds([
        'void flash::flash_fwd_splitkv_mla_kernel<cutlass::bfloat16_t>()',
        'void vllm::moe::topkGating<float, 8>(float*)',
        'fused_moe_kernel',
        'void at::native::(anonymous namespace)::elementwise<int, foo<2> >(int)',
        '_ZN5aiter24add_rmsnorm_quant_kernelIDF16bDF16bLi256EEEvPT0_',
        'operator',
        'reduce_argmax_kernel',
      ]),
    ).toEqual([
      'attention compute',
      'gate compute',
      'expert compute',
      'at::native::elementwise compute',
      'aiter::add_rmsnorm_quant_kernel compute',
      'operator compute',
      'sample compute',
    ]);
  });

  it('beyond 256 names that no rule knows share a stage, those that take least time', async () => {
    const made = Array.from({ length: 300 }, (_, i) =>
      kernelEvent({
        startNs: BigInt(i) * 1_000_000n,
        durationNs: BigInt(1_000 - i),
        name: `own_${i}x`,
      }),
    );
    const found = await readTrace(trace(made));
    const stages = rowsOf(found).map(({ stage }) => stage);
    expect(stages.slice(0, 256)).toEqual(made.slice(0, 256).map((_, i) => `own_${i}x`));
    expect(new Set(stages.slice(256))).toEqual(new Set(['kernel']));
    expect(found.recognition).toMatchObject({ unknownNames: 300, foldedNames: 44, kernels: 300 });
  });

  it('obey the rules of a user before the built-in ones, roles and all', async () => {
    const own = parseKernelTable(
      `
kernels:
  - { match: '(?i)OUR_push', stage: a2f_send, roles: [attention], library: ours }
  - { match: our_push, stage: f2a_send, roles: [ffn], library: ours }
  - { match: our_wait, stage: a2f_recv }
  - { match: gemm, stage: our gemm, kind: compute }
annotations: [{ match: '^L(?<layer>\\d+)/M(?<microbatch>\\d+)$' }]
workers: [{ ranks: 0-1, role: attention }, { ranks: '4, 5', role: ffn, group: experts }]
`,
      'own.yaml',
    );
    const known = builtInKernels();
    const table: KernelTable = {
      kernels: [...own.kernels, ...known.kernels],
      annotations: [...own.annotations, ...known.annotations],
      workers: own.workers,
    };
    const text = trace([
      rangeEvent('L5/M2', 0n, 5_000n),
      launchEvent(1, 1_000n),
      kernelEvent({ startNs: 2_000n, durationNs: 10n, name: 'our_push', correlation: 1 }),
      kernelEvent({ startNs: 3_000n, durationNs: 10n, name: 'our_wait' }),
      kernelEvent({ startNs: 4_000n, durationNs: 10n, name: 'sgemm', device: 0 }),
    ]);
    const paths = [await traceFile(text, 'x_rank1.json'), await traceFile(text, 'x_rank5.json')];
    const found = await readTelemetryFiles(paths, { kernels: table, deployment: 'd' });
    expect(
      rowsOf(found).map(
        (row) => `${row.worker} ${row.stage} ${row.kind} ${row.layer} ${row.microbatch}`,
      ),
    ).toEqual([
      'attention/1 a2f_send transfer 5 2',
      'attention/1 a2f_recv receive -1 -1',
      'attention/1 our gemm compute -1 -1',
      'experts/1 f2a_send transfer 5 2',
      'experts/1 a2f_recv receive -1 -1',
      'experts/1 our gemm compute -1 -1',
    ]);
    expect(found.events[0]!.workers[0]!.deployment).toBe('d');
  });

  it.each([
    [
      'kernels: [{ match: "(", stage: x }]',
      /own\.yaml: kernels\[0\]: match: Invalid regular expression/,
    ],
    ['kernels: [{ match: a }]', /kernels\[0\]: stage: write a stage/],
    [
      'kernels: [{ match: a, stage: b, kind: slow }]',
      /kind: "slow" is not allowed; write one of compute/,
    ],
    ['kernel: []', /kernel: unknown key; known ones are kernels/],
    ['workers: [{ role: ffn }]', /ranks: write ranks such as 0-47, or file/],
    ['workers: [{ role: ffn, ranks: 5-2 }]', /runs backwards/],
    ['annotations: 7', /annotations: expected a list of rules, found 7/],
    ['kernels: [', /not valid YAML/],
  ])('refuses the table %s', (text, message) => {
    expect(() => parseKernelTable(text, 'own.yaml')).toThrow(message);
  });
});
