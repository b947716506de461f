/**
 * Shapes of models, for FLOPs and bytes where events carry none: one layer's attention and one
 * expert. Figures are those of the config.json that comes with the weights (checked against published
 * copies on 2026-11-27 unless said otherwise). Norms, routing, biases and embeddings are left out.
 *
 *     attention of R requests with C context tokens in all:
 *         FLOPs  2·weights·R + perContext·C'      bytes  weights·width + kvBytes·C'
 *         C': at most `sparseTokens` of each request
 *     experts with t routed tokens on e active experts:
 *         FLOPs  2·3·hidden·inner·t               bytes  3·hidden·inner·e·width
 */
export interface ModelShape {
  readonly name: string;
  /** Parameters of one layer's attention projections. */
  readonly attentionWeights: number;
  readonly attentionFlopsPerContextToken: number;
  readonly kvBytesPerContextToken: number;
  /** Context tokens that attention looks at, of each request; Infinity: all. */
  readonly sparseTokens: number;
  /** What choosing them costs, of all context tokens. */
  readonly indexerFlopsPerContextToken: number;
  readonly indexerBytesPerContextToken: number;
  readonly hidden: number;
  readonly expertInner: number;
  readonly experts: number;
  readonly expertsPerToken: number;
  /** As served most: what peaks are taken of, and bytes of a weight. */
  readonly attentionPrecision: 'bf16' | 'fp8';
  readonly expertPrecision: 'bf16' | 'fp8';
  readonly attentionWeightBytes: number;
  readonly expertWeightBytes: number;
}

const BF16_BYTES = 2;

/** DeepSeek's multi-head latent attention, absorbed as in decoding: one latent vector per token. */
function mla(hidden: number, heads: number, qRank: number) {
  const kvRank = 512;
  const rope = 64;
  const nope = 128;
  const value = 128;
  return {
    attentionWeights:
      hidden * qRank +
      qRank * heads * (nope + rope) +
      hidden * (kvRank + rope) +
      kvRank * heads * (nope + value) +
      heads * value * hidden,
    attentionFlopsPerContextToken: 2 * heads * (kvRank + rope) + 2 * heads * kvRank,
    kvBytesPerContextToken: (kvRank + rope) * BF16_BYTES,
  };
}

/** Grouped-query attention; with one KV head of its own width, Step-3's MFA. */
function gqa(hidden: number, heads: number, kvHeads: number, width: number, qWeights?: number) {
  return {
    attentionWeights:
      (qWeights ?? hidden * heads * width) + 2 * hidden * kvHeads * width + heads * width * hidden,
    attentionFlopsPerContextToken: 4 * heads * width,
    kvBytesPerContextToken: 2 * kvHeads * width * BF16_BYTES,
  };
}

const DENSE = {
  sparseTokens: Number.POSITIVE_INFINITY,
  indexerFlopsPerContextToken: 0,
  indexerBytesPerContextToken: 0,
};
const FP8_WEIGHTS = {
  attentionPrecision: 'bf16',
  expertPrecision: 'fp8',
  attentionWeightBytes: 1,
  expertWeightBytes: 1,
} as const;
const BF16_WEIGHTS = {
  attentionPrecision: 'bf16',
  expertPrecision: 'bf16',
  attentionWeightBytes: BF16_BYTES,
  expertWeightBytes: BF16_BYTES,
} as const;

const DEEPSEEK_EXPERTS = { hidden: 7168, expertInner: 2048, experts: 256, expertsPerToken: 8 };

const SHAPES: readonly ModelShape[] = [
  // 128 heads, q_lora_rank 1536; 256 experts, 8 per token, of 2048.
  {
    name: 'DeepSeek-V3',
    ...mla(7168, 128, 1536),
    ...DENSE,
    ...DEEPSEEK_EXPERTS,
    ...FP8_WEIGHTS,
  },
  // V3 with DeepSeek Sparse Attention: the best 2,048 tokens, chosen by 64 index heads of 128 (FP8).
  // The index heads are from the technical report, from memory: not checked.
  {
    name: 'DeepSeek-V3.2',
    ...mla(7168, 128, 1536),
    sparseTokens: 2048,
    indexerFlopsPerContextToken: 2 * 64 * 128,
    indexerBytesPerContextToken: 128,
    ...DEEPSEEK_EXPERTS,
    ...FP8_WEIGHTS,
  },
  // 64 query heads of 256 on one KV head, query rank 2048; 48 experts, 3 per token (model card).
  // moe_intermediate_size 5120 is from memory: not checked.
  {
    name: 'Step-3',
    ...gqa(7168, 64, 1, 256, 7168 * 2048 + 2048 * 64 * 256),
    ...DENSE,
    hidden: 7168,
    expertInner: 5120,
    experts: 48,
    expertsPerToken: 3,
    ...FP8_WEIGHTS,
  },
  // 94 layers, 64 heads on 4 KV heads of 128; 128 experts, 8 per token, of 1536.
  {
    name: 'Qwen3-235B-A22B',
    ...gqa(4096, 64, 4, 128),
    ...DENSE,
    hidden: 4096,
    expertInner: 1536,
    experts: 128,
    expertsPerToken: 8,
    ...BF16_WEIGHTS,
  },
  // 48 layers, 32 heads on 4 KV heads of 128; 128 experts, 8 per token, of 768.
  {
    name: 'Qwen3-30B-A3B',
    ...gqa(2048, 32, 4, 128),
    ...DENSE,
    hidden: 2048,
    expertInner: 768,
    experts: 128,
    expertsPerToken: 8,
    ...BF16_WEIGHTS,
  },
  // 64 heads on 8 KV heads of 64; every second layer sees 128 tokens only, so half the context on
  // average over layers. Experts of 2880, 4 per token, in MXFP4 (4.25 bits), computed in BF16.
  gptOss('gpt-oss-120b', 128),
  gptOss('gpt-oss-20b', 32),
  // DeepSeek-V3 with 64 heads and 384 experts.
  {
    name: 'Kimi-K2',
    ...mla(7168, 64, 1536),
    ...DENSE,
    hidden: 7168,
    expertInner: 2048,
    experts: 384,
    expertsPerToken: 8,
    ...FP8_WEIGHTS,
  },
];

function gptOss(name: string, experts: number): ModelShape {
  const attention = gqa(2880, 64, 8, 64);
  return {
    name,
    attentionWeights: attention.attentionWeights,
    attentionFlopsPerContextToken: attention.attentionFlopsPerContextToken / 2,
    kvBytesPerContextToken: attention.kvBytesPerContextToken / 2,
    ...DENSE,
    hidden: 2880,
    expertInner: 2880,
    experts,
    expertsPerToken: 4,
    ...BF16_WEIGHTS,
    expertWeightBytes: 4.25 / 8,
  };
}

/** Longer names first. */
const PATTERNS: readonly [RegExp, string][] = [
  [/deepseek.?v3[._]2/, 'DeepSeek-V3.2'],
  [/deepseek.?(v3|r1)/, 'DeepSeek-V3'],
  [/step-?3(?![.\d])/, 'Step-3'],
  [/qwen3.*235b/, 'Qwen3-235B-A22B'],
  [/qwen3.*30b-a3b/, 'Qwen3-30B-A3B'],
  [/gpt-oss-120b/, 'gpt-oss-120b'],
  [/gpt-oss-20b/, 'gpt-oss-20b'],
  [/kimi.?k2/, 'Kimi-K2'],
];

/**
 * By `gen_ai.request.model`. null: not in the table, or a simulation: what times of no real GPU did
 * per second would mean nothing.
 */
export function modelShapeOf(model: string): ModelShape | null {
  const name = model.toLowerCase();
  if (isSimulated(model)) return null;
  const found = PATTERNS.find(([pattern]) => pattern.test(name))?.[1];
  return SHAPES.find((shape) => shape.name === found) ?? null;
}

export function isSimulated(model: string): boolean {
  return /simulated/i.test(model);
}
