/**
 * A made-up Kineto trace, byte for byte as torch.profiler writes one (libkineto's spacing and line
 * breaks, decimal microseconds, `baseTimeNanoseconds` last): decode steps of a MoE model whose
 * attention is launched eagerly (CPU operators, a cudaLaunchKernel and both ends of a flow for each
 * kernel) and whose other kernels come out of piecewise CUDA graphs (one launch, many flow ends).
 */
import { closeSync, openSync, writeSync } from 'node:fs';
import { Random } from '#lib/base/random.ts';

export interface KinetoTraceSpec {
  readonly rank: number;
  readonly ranks: number;
  /** Kernels at least; the last step is written whole. */
  readonly kernels: number;
  readonly layers: number;
  readonly seed: number;
}

export interface KinetoTraceFacts {
  readonly sizeBytes: number;
  readonly kernels: number;
  readonly steps: number;
  /** Sum of the durations of all kernels. */
  readonly totalNs: number;
}

interface KernelShape {
  readonly name: string;
  readonly meanNs: number;
  readonly stream: number;
}

const k = (meanNs: number, name: string, stream = 7): KernelShape => ({ name, meanNs, stream });

/** Launched one by one, each under an operator. */
const EAGER: readonly (KernelShape & { readonly op: string })[] = [
  {
    ...k(41_000, 'void flash::flash_fwd_splitkv_mla_kernel<cutlass::bfloat16_t, 576, 512, 64>()'),
    op: '_flashmla_C::fwd_kvcache_mla',
  },
];

/** Out of a CUDA graph. */
const GRAPHED: readonly KernelShape[] = [
  k(9_200, '_reshape_and_cache_flash_kernel'),
  k(3_400, 'void flash_fwd_mla_combine_kernel<cutlass::bfloat16_t, float, int, 512, 4, 160>()'),
  k(2_100, 'triton_red_fused__to_copy_add_mean_mul_pow_rsqrt_2'),
  k(12_700, 'nvjet_tst_64x8_64x16_4x1_v_bz_TNT'),
  k(2_600, '_per_token_group_quant_fp8'),
  k(14_800, 'void deep_gemm::sm90_fp8_gemm_1d2d_impl<7168u, 2048u, 1u, 64u, 128u>(float*, int*)'),
  k(3_100, 'void vllm::moe::grouped_topk_fused_kernel<float, float, int>(float*, float*, int*)'),
  k(31_000, 'void deep_ep::internode_ll::dispatch<true, false, 7168>(void*, void*, int*)', 20),
  k(52_000, 'void deep_gemm::sm90_fp8_gemm_1d2d_impl<4096u, 7168u, 16u, 64u>(float*, int*)'),
  k(4_200, 'triton_poi_fused_mul_silu_slice_3'),
  k(47_000, '_fused_moe_kernel_fp8_w8a8_block_n128_k128'),
  k(36_000, 'void deep_ep::internode_ll::combine<true, 7168, 9>(void*, void*, int*)', 20),
  k(6_800, 'triton_poi_fused_add_index_put_1'),
  k(18_000, 'ncclDevKernel_AllReduce_Sum_bf16_RING_LL(ncclDevKernelArgsStorage<4096ul>)', 24),
];

const BLOCK_BYTES = 1 << 22;
const BASE_NS = 1_711_964_646_000_000_000n;

/** Writes the file; the same spec always gives the same bytes. */
export function writeKinetoTrace(path: string, spec: KinetoTraceSpec): KinetoTraceFacts {
  const out = new BlockWriter(path);
  const random = new Random(spec.seed + spec.rank);
  const pid = 2_910_249 + spec.rank;
  const trace = new TraceText(out, pid, spec.rank);
  out.text(header(spec));
  let kernels = 0;
  let steps = 0;
  let totalNs = 0;
  let cpuNs = 4_458_676_522_690_655;
  let gpuNs = cpuNs + 40_000;
  const spread = () => 0.8 + 0.4 * random.uniform();
  while (kernels < spec.kernels) {
    const stepStart = cpuNs;
    for (let layer = 0; layer < spec.layers; layer++) {
      const layerStart = cpuNs;
      for (const shape of EAGER) {
        trace.operator(shape.op, cpuNs, 9_000);
        const correlation = trace.launch('cudaLaunchKernel', 211, cpuNs + 2_000, 4_100);
        const durationNs = Math.round(shape.meanNs * spread());
        gpuNs = Math.max(gpuNs + 600, cpuNs + 9_000);
        trace.kernel(shape.name, shape.stream, gpuNs, durationNs, correlation);
        gpuNs += durationNs;
        totalNs += durationNs;
        kernels++;
        cpuNs += 12_345;
      }
      const correlation = trace.launch('cudaGraphLaunch', 311, cpuNs, 11_000);
      for (const shape of GRAPHED) {
        const durationNs = Math.round(shape.meanNs * spread());
        // Communication runs beside what comes next.
        const startNs = gpuNs + 500;
        trace.kernel(shape.name, shape.stream, startNs, durationNs, correlation);
        gpuNs = startNs + (shape.stream === 7 ? durationNs : Math.round(durationNs / 3));
        totalNs += durationNs;
        kernels++;
      }
      cpuNs += 16_000;
      trace.annotation(`model.layers.${layer}`, layerStart, cpuNs - layerStart - 700);
    }
    cpuNs = Math.max(cpuNs, gpuNs - 200_000);
    trace.annotation(`ProfilerStep#${100 + steps}`, stepStart, cpuNs - stepStart);
    cpuNs += 21_000;
    steps++;
  }
  out.text(footer(path));
  return { sizeBytes: out.close(), kernels, steps, totalNs };
}

class TraceText {
  readonly #out: BlockWriter;
  readonly #pid: number;
  readonly #rank: number;
  #correlation = 57_531;
  #externalId = 2_048;

  constructor(out: BlockWriter, pid: number, rank: number) {
    this.#out = out;
    this.#pid = pid;
    this.#rank = rank;
  }

  operator(name: string, startNs: number, durationNs: number): void {
    const id = ++this.#externalId;
    this.#out.text(`  {
    "ph": "X", "cat": "cpu_op", "name": "${name}", "pid": ${this.#pid}, "tid": ${this.#pid},
    "ts": ${us(startNs)}, "dur": ${us(durationNs)},
    "args": {
      "External id": ${id},"Record function id": 0, "Concrete Inputs": ["", "", "False"], "Input type": ["c10::BFloat16", "c10::BFloat16", "Scalar"], "Input Dims": [[128, 7168], [128, 576], []], "Ev Idx": ${id - 2049}
    }
  },
`);
  }

  /** Its correlation. */
  launch(name: string, cbid: number, startNs: number, durationNs: number): number {
    const correlation = ++this.#correlation;
    const pid = this.#pid;
    this.#out.text(`  {
    "ph": "X", "cat": "cuda_runtime", "name": "${name}", "pid": ${pid}, "tid": ${pid},
    "ts": ${us(startNs)}, "dur": ${us(durationNs)},
    "args": {
      "External id": ${this.#externalId},      "cbid": ${cbid}, "correlation": ${correlation}
    }
  },
  {
    "ph": "s", "id": ${correlation}, "pid": ${pid}, "tid": ${pid}, "ts": ${us(startNs)},
    "cat": "ac2g", "name": "ac2g"
  },
`);
    return correlation;
  }

  kernel(
    name: string,
    stream: number,
    startNs: number,
    durationNs: number,
    correlation: number,
  ): void {
    const device = this.#rank % 8;
    this.#out.text(`  {
    "ph": "X", "cat": "kernel", "name": "${name}", "pid": ${device}, "tid": ${stream},
    "ts": ${us(startNs)}, "dur": ${us(durationNs)},
    "args": {
      "External id": ${this.#externalId},      "queued": 0, "device": ${device}, "context": 1,      "stream": ${stream}, "correlation": ${correlation},      "registers per thread": 40,      "shared memory": 400,      "blocks per SM": 4.740741,      "warps per SM": 75.851852,      "grid": [512, 1, 1],      "block": [512, 1, 1],      "est. achieved occupancy %": 75
    }
  },
  {
    "ph": "f", "id": ${correlation}, "pid": ${device}, "tid": ${stream}, "ts": ${us(startNs)},
    "cat": "ac2g", "name": "ac2g", "bp": "e"
  },
`);
  }

  annotation(name: string, startNs: number, durationNs: number): void {
    this.#out.text(`  {
    "ph": "X", "cat": "user_annotation", "name": "${name}", "pid": ${this.#pid}, "tid": ${this.#pid},
    "ts": ${us(startNs)}, "dur": ${us(durationNs)},
    "args": {
      "External id": ${++this.#externalId},"Record function id": 0, "Ev Idx": ${this.#externalId - 2049}
    }
  },
`);
  }
}

/** libkineto prints three decimals always. */
function us(ns: number): string {
  const whole = Math.floor(ns / 1000);
  return `${whole}.${String(ns - whole * 1000).padStart(3, '0')}`;
}

function header({ rank, ranks }: KinetoTraceSpec): string {
  const device = `    {
      "id": 0, "name": "NVIDIA H800", "totalGlobalMem": 84942979072,
      "computeMajor": 9, "computeMinor": 0,
      "maxThreadsPerBlock": 1024, "maxThreadsPerMultiprocessor": 2048,
      "regsPerBlock": 65536, "warpSize": 32,
      "sharedMemPerBlock": 49152, "numSms": 132
    , "regsPerMultiprocessor": 65536, "sharedMemPerBlockOptin": 232448, "sharedMemPerMultiprocessor": 233472
    }`;
  return `{
  "schemaVersion": 1,
  "deviceProperties": [
${device}
  ],
  "cupti_version": 24,
  "distributedInfo": {"backend": "nccl", "rank": ${rank}, "world_size": ${ranks}, "pg_count": 1},
  "record_shapes": 1,
  "traceEvents": [
`;
}

function footer(path: string): string {
  return `  {
    "name": "Record Window End", "ph": "i", "s": "g",
    "pid": "", "tid": "", "ts": 4458677084250.438
  }
  ],
  "traceName": ${JSON.stringify(path)},
  "displayTimeUnit": "ms",
  "baseTimeNanoseconds": ${BASE_NS}
}
`;
}

class BlockWriter {
  readonly #file: number;
  readonly #block = Buffer.allocUnsafe(BLOCK_BYTES);
  #used = 0;
  #written = 0;

  constructor(path: string) {
    this.#file = openSync(path, 'w');
  }

  text(text: string): void {
    if (this.#used + text.length > BLOCK_BYTES) this.#flush();
    this.#used += this.#block.write(text, this.#used, 'latin1');
  }

  /** Bytes of the file. */
  close(): number {
    this.#flush();
    closeSync(this.#file);
    return this.#written;
  }

  #flush(): void {
    writeSync(this.#file, this.#block, 0, this.#used);
    this.#written += this.#used;
    this.#used = 0;
  }
}
