/** What every figure of the pages means: shown on hover. One table, so that no two pages differ. */
import { BALANCE_DEFINITIONS } from './definitions-balance.ts';
import { CAUSE_DEFINITIONS } from './definitions-causes.ts';
import { COMPARE_DEFINITIONS } from './definitions-compare.ts';
import { CULPRIT_DEFINITIONS } from './definitions-culprits.ts';
import { TIMELINE_DEFINITIONS } from './definitions-timeline.ts';

export interface Definition {
  readonly name: string;
  readonly unit: string;
  readonly text: string;
}

export const DEFINITIONS = {
  busyRatio: {
    name: 'Busy',
    unit: '% of active time',
    text: '1 − bubble: |compute ∩ active| / |active|. Active: a step was in flight and the worker’s events were seen. A group is the sum over its workers divided by the sum of their active times. Not GPU utilization, which reads 100 % while a receive kernel spins.',
  },
  observed: {
    name: 'Observed',
    unit: '% of the window',
    text: '|observed| / |window|: the part of the window for which the worker’s events are there. Steps that a sender left out are not a bubble; they are missing here.',
  },
  activeBubbleRatio: {
    name: 'Bubble',
    unit: '%',
    text: '|bubble ∩ active| / |active|: the share of time without compute, while a step was in flight and its events were seen. Bubble = window minus compute.',
  },
  compute: {
    name: 'Compute',
    unit: 'share of active time',
    text: 'Union of all compute events, inside active time: attention, gate, experts, combine, sampling.',
  },
  exposedTransfer: {
    name: 'Exposed transfer',
    unit: 'share of active time',
    text: 'bubble ∩ transfer: nothing computed while data was in flight. It says that a transfer ran, not that the network was the cause.',
  },
  waitPeer: {
    name: 'Waiting for peers',
    unit: 'share of active time',
    text: 'Rest of the bubble inside a wait: a receive before its last matching send started. The other group was not done yet.',
  },
  copy: {
    name: 'Copy',
    unit: 'share of active time',
    text: 'Rest of the bubble inside local memory copies.',
  },
  host: {
    name: 'Host',
    unit: 'share of active time',
    text: 'Rest of the bubble inside host work: scheduling, launches, control metadata.',
  },
  unattributed: {
    name: 'Unattributed',
    unit: 'share of active time',
    text: 'What is left of the bubble: no event of the worker covers it (not instrumented, or a gap inside a step).',
  },
  overlapRatio: {
    name: 'Overlap',
    unit: '%',
    text: '|transfer ∩ compute| / |transfer|: the part of communication hidden behind compute, receives cut at their last matching send. No figure without transfer.',
  },
  dramActive: {
    name: 'DRAM active',
    unit: '%',
    text: 'DCGM_FI_PROF_DRAM_ACTIVE, mean over the GPUs of the group: the part of cycles in which device memory moved data. Attention in decode lives on it.',
  },
  tensorActive: {
    name: 'Tensor active',
    unit: '%',
    text: 'DCGM_FI_PROF_PIPE_TENSOR_ACTIVE, mean over the GPUs of the group: the part of cycles in which tensor cores worked. Experts live on it.',
  },
  smActive: {
    name: 'SM active',
    unit: '%',
    text: 'DCGM_FI_PROF_SM_ACTIVE, mean over the GPUs of the group. Spinning receive kernels count as active: do not read a bubble from it.',
  },
  power: { name: 'Power', unit: 'W', text: 'DCGM_FI_DEV_POWER_USAGE, mean per GPU of the group.' },
  tokensPerSecond: {
    name: 'Throughput',
    unit: 'tokens/s',
    text: 'Output tokens per second of observed time, so that reporting only some steps does not lower it. Tokens count once per step, micro-batch and data-parallel rank, not per layer.',
  },
  tpot: {
    name: 'TPOT',
    unit: 'ms',
    text: 'Time per output token from the engine’s own histogram (gen_ai.server.time_per_output_token, or the vLLM and SGLang equivalents).',
  },
  stepLatency: {
    name: 'Step latency',
    unit: 'ms',
    text: 'First start to last end of a step over the workers of its domain.',
  },
  stepRate: {
    name: 'Steps',
    unit: '/s',
    text: 'Steps seen per second. Where senders report only some of their steps, this is the reported rate.',
  },
  worstWorker: {
    name: 'Worst worker',
    unit: '%',
    text: 'The worker whose active bubble ratio is highest in its group. A slow worker waits least: look at its peers.',
  },
  slowestWorker: {
    name: 'Slowest worker',
    unit: '% over the median',
    text: 'The worker that computes longest per active second, against the median of its group. Everyone waits for it.',
  },
  measuredPeriod: {
    name: 'Measured period',
    unit: 'µs',
    text: 'Start to start of the same stage, worker, step and micro-batch in consecutive layers; mean.',
  },
  idealPeriod: {
    name: 'Ideal period',
    unit: 'µs',
    text: 'C = max(m·Ea, m·Ef, m·Oa2f, m·Of2a, Sa + Sf + RT), mean over layers: what the layer takes when only its bound limits it. E: effective (slowest worker’s) occupancy, O: link occupancy, S: serial time, RT: both transfers.',
  },
  bound: {
    name: 'Bound',
    unit: '',
    text: 'The term of C that is largest: attention (m·Ea), FFN (m·Ef), network (m·Oa2f, m·Of2a) or latency (Sa + Sf + RT: too few micro-batches).',
  },
  steadyBubble: {
    name: 'Steady bubble',
    unit: '%',
    text: '1 − m·Ex/C: the share of each layer in which side x has nothing to do, whatever the jitter.',
  },
  imbalanceCost: {
    name: 'Imbalance cost',
    unit: 'µs per layer',
    text: 'Ideal period at effective times (slowest worker) minus the same at median times: what uneven workers inside a group cost.',
  },
  minMicrobatches: {
    name: 'Micro-batches needed',
    unit: '',
    text: 'ceil((Sa + Sf + RT) / max(Ea, Ef)): the fewest micro-batches of this size that hide the round trip.',
  },
  heatBubble: {
    name: 'Bubble per layer',
    unit: 'µs per step',
    text: 'Bubble inside active time, charged to the layer of the compute event that ends it, per step.',
  },
  heatDuration: {
    name: 'Compute per layer',
    unit: 'µs per step',
    text: 'Compute of the layer on this worker, all micro-batches, per step.',
  },
  heatWait: {
    name: 'Wait per layer',
    unit: 'µs per step',
    text: 'Wait part of the layer’s receives on this worker, all micro-batches, per step.',
  },
  attentionTime: {
    name: 'Attention',
    unit: 'µs',
    text: 'Compute of the attention side for one layer and micro-batch; median.',
  },
  a2fTime: {
    name: 'A2F',
    unit: 'µs',
    text: 'Transfer from attention to FFN for one layer and micro-batch; median.',
  },
  ffnTime: {
    name: 'FFN',
    unit: 'µs',
    text: 'Compute of the FFN side (experts) for one layer and micro-batch; median.',
  },
  f2aTime: {
    name: 'F2A',
    unit: 'µs',
    text: 'Transfer of the experts’ results back to attention for one layer and micro-batch; median.',
  },
  attentionWait: {
    name: 'Wait on A',
    unit: 'µs',
    text: 'Wait of the attention side for this layer’s results: its receive until the last matching send started; median.',
  },
  ffnWait: {
    name: 'Wait on F',
    unit: 'µs',
    text: 'Wait of the FFN side for this layer’s activations: its receive until the last matching send started; median.',
  },
  eventsPerSecond: {
    name: 'Ingest',
    unit: 'events/s',
    text: 'Stage events stored per second, over the last seconds.',
  },
  lag: {
    name: 'Lag',
    unit: 's',
    text: 'Wall clock of the collector minus the end of the newest event. Senders batch, so a second or two is usual.',
  },
  queueWait: {
    name: 'Queue wait',
    unit: 's',
    text: 'Age of the oldest request that was read and is not answered yet. Over 2 s nothing more is let in, because senders give up after 10 s.',
  },
  waitingRequests: {
    name: 'Waiting outside',
    unit: 'requests',
    text: 'Requests that are not read yet, because the queue, the byte budget or the store has no room for them. They hold a connection and no memory, and come in first come, first served.',
  },
  refusedRequests: {
    name: 'Told to come again',
    unit: 'requests',
    text: 'Requests answered with 429, 503 or their gRPC forms since the collector started. Senders send them again after Retry-After; overloaded and over budget: more came than could be stored; unavailable: the store did not work.',
  },
  damagedChunks: {
    name: 'Damaged chunks',
    unit: 'chunks',
    text: 'Stored pieces of telemetry whose checksum does not match, as far as they were read. They are left out of every figure. “afdscope doctor” reads all of them.',
  },
  accepted: {
    name: 'Accepted',
    unit: 'events',
    text: 'Stage events committed to the store since the database was made.',
  },
  rejected: {
    name: 'Not stored unchanged',
    unit: 'events',
    text: 'Events that were refused, changed, late or duplicate, by reason. Nothing that arrives goes uncounted.',
  },
  clockError: {
    name: 'Clock uncertainty',
    unit: 'µs',
    text: 'How far a clock can be from where it was aligned to, as matched transfers bound it: the largest over the clock domains. None where transfers do not bind clocks both ways.',
  },
  unmatched: {
    name: 'Unmatched receives',
    unit: '',
    text: 'Receives without a send of the same domain, step, layer and micro-batch in the window. Their split into wait and transfer is a bound, not a measurement.',
  },
  exactness: {
    name: 'Exactness',
    unit: '',
    text: 'raw: computed from every event, exact to the nanosecond. rollup: from sums of whole buckets. Lengths, counts and means are exact, quantiles of stages and layers are off by at most 1/64; what needs single events is not there.',
  },
  heatRollup: {
    name: 'Heat map from rollups',
    unit: '',
    text: 'From sums by stage and layer: too many events to take one by one. Durations are exact. Waits are whole receives, transfer included. The bubble of a worker is exact and is spread over its layers by the time of their receives.',
  },
  ...BALANCE_DEFINITIONS,
  ...CAUSE_DEFINITIONS,
  ...CULPRIT_DEFINITIONS,
  ...COMPARE_DEFINITIONS,
  ...TIMELINE_DEFINITIONS,
} as const satisfies Record<string, Definition>;
export type Term = keyof typeof DEFINITIONS;

/** The hover text of a term; `exact` adds the unrounded value. */
export function definitionText(term: Term, exact?: string): string {
  const { name, unit, text } = DEFINITIONS[term];
  const head = unit === '' ? name : `${name} (${unit})`;
  return exact === undefined ? `${head}: ${text}` : `${exact}\n${head}: ${text}`;
}
