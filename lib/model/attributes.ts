/**
 * Which span attribute fills which column, as data (docs/schema.md has the words). The position of
 * an entry is its slot while a span is read; `SpanSlot` names the positions.
 */
import { LISTS, type ListName, MEASURES, type Measure } from '#lib/table/event-table.ts';

export interface SpanAttribute {
  readonly key: string;
  readonly type: 'int' | 'number' | 'string' | 'ints' | 'bytes';
  /** Inclusive; for lists, of each member. */
  readonly min: number;
  readonly max: number;
}

/** Any attribute with this prefix says that a sender means us. */
export const AFD_PREFIX = 'afd.';

const INT32_MAX = 2 ** 31 - 1;
const ANY_INT = { type: 'int', min: 0, max: Number.MAX_SAFE_INTEGER } as const;
const ANY_NUMBER = { type: 'number', min: 0, max: Number.MAX_VALUE } as const;
const TEXT = { type: 'string', min: 0, max: 0 } as const;

export const SpanSlot = {
  step: 0,
  layer: 1,
  microbatch: 2,
  domain: 3,
  stage: 4,
  kind: 5,
  phase: 6,
  peer: 7,
  packed: 8,
  /** One slot for each of MEASURES, in their order. */
  firstMeasure: 9,
  /** One slot for each of LISTS, in their order. */
  firstList: 9 + MEASURES.length,
} as const;

const MEASURE_ATTRIBUTES: Readonly<Record<Measure, SpanAttribute>> = {
  tokens: { key: 'afd.tokens', ...ANY_INT },
  bytes: { key: 'afd.bytes', ...ANY_INT },
  flops: { key: 'afd.flops', ...ANY_INT },
  requests: { key: 'afd.requests', ...ANY_INT },
  contextTokens: { key: 'afd.context_tokens', ...ANY_INT },
  expertsActive: { key: 'afd.experts.active', ...ANY_NUMBER },
  expertsMaxTokens: { key: 'afd.experts.max_tokens', ...ANY_NUMBER },
  expertsMeanTokens: { key: 'afd.experts.mean_tokens', ...ANY_NUMBER },
};

const LIST_ATTRIBUTES: Readonly<Record<ListName, SpanAttribute>> = {
  peers: { key: 'afd.peers', type: 'ints', min: -1, max: INT32_MAX },
  expertTokens: {
    key: 'afd.expert_tokens',
    type: 'ints',
    min: 0,
    max: Number.MAX_SAFE_INTEGER,
  },
};

export const SPAN_ATTRIBUTES: readonly SpanAttribute[] = [
  { key: 'afd.step', ...ANY_INT },
  { key: 'afd.layer', type: 'int', min: -1, max: INT32_MAX },
  { key: 'afd.microbatch', type: 'int', min: -1, max: INT32_MAX },
  { key: 'afd.domain', type: 'int', min: 0, max: INT32_MAX },
  { key: 'afd.stage', ...TEXT },
  { key: 'afd.kind', ...TEXT },
  { key: 'afd.phase', ...TEXT },
  { key: 'afd.peer', type: 'int', min: -1, max: INT32_MAX },
  { key: 'afd.packed', type: 'bytes', min: 0, max: 0 },
  ...MEASURES.map((name) => MEASURE_ATTRIBUTES[name]),
  ...LISTS.map((name) => LIST_ATTRIBUTES[name]),
];

/** What an attribute must be, in words: "an integer from 0". */
export function describeAttribute({ type, min, max }: SpanAttribute): string {
  if (type === 'string') return 'a string that docs/schema.md lists';
  const noun = type === 'int' ? 'an integer' : type === 'ints' ? 'a list of integers' : 'a number';
  const limit =
    max === INT32_MAX ? ' to 2^31-1' : max === Number.MAX_SAFE_INTEGER ? ' to 2^53-1' : '';
  return `${noun} from ${min}${limit}`;
}
