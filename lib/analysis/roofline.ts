/**
 * What groups of GPUs achieve against their roofline: FLOP/s and bytes/s per GPU, from the events
 * where they carry `afd.flops` and `afd.bytes`, else from the model's shape and the tokens and contexts
 * that events carry; against the GPU's peaks where the sender says which GPU it is (`hw.model`).
 *
 *     FLOP/s
 *       ^        ________ peak
 *       |      ／
 *       |    ／ · achieved at FLOPs/byte         ridge = peak FLOP/s over peak bytes/s
 *       |  ／
 *       └───────────────> FLOPs per byte
 */
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { addDeviceSums, BYTES_UNIT, type DeviceSums, FLOPS_UNIT } from './device-sums.ts';
import { type GpuPeak, gpuPeakOf, KNOWN_GPUS } from './gpu-peaks.ts';
import { isSimulated, type ModelShape, modelShapeOf } from './model-shapes.ts';
import type { Balance, GroupReport, GroupUtilization, Utilization } from './report-types.ts';

type PipelineTimes = Pick<Balance, 'taEffectiveNs' | 'termsNs'>;
type GroupLengths = Pick<GroupReport, 'group' | 'role' | 'observedNs' | 'computeNs' | 'busyRatio'>;

interface Work {
  readonly flops: number | null;
  readonly flopsFrom: 'events' | 'model' | null;
  readonly bytes: number | null;
  readonly bytesFrom: 'events' | 'model' | null;
}

/** A measure that fewer events carry would make GPUs look idle that are not. */
const ENOUGH_EVENTS = 0.9;

/** null: no group computes. `parts`: of the slices of the window. */
export function utilizationOf(
  groups: readonly GroupLengths[],
  workers: readonly WorkerInfo[],
  parts: readonly (readonly DeviceSums[])[],
  balance: PipelineTimes | null,
): Utilization | null {
  if (groups.every(({ computeNs }) => computeNs === 0)) return null;
  const sums = new Map<string, DeviceSums>();
  for (const own of parts.flat()) {
    const known = sums.get(own.group);
    sums.set(own.group, known === undefined ? own : addDeviceSums(known, own));
  }
  const model = workers.find((info) => info.model !== '')?.model ?? null;
  const shape = model === null ? null : modelShapeOf(model);
  const ffn = workers.filter(({ role }) => role === 'ffn').length;
  const missing = new Set<string>();
  if (shape === null) missing.add(missingModel(model));
  const found = groups.map((group) =>
    groupUtilization(
      group,
      workers.filter((info) => info.group === group.group),
      sums.get(group.group),
      shape,
      ffn,
      missing,
    ),
  );
  // What is missing for figures that events give anyway is not missing.
  if (found.every(({ flopsFrom, bytesFrom }) => flopsFrom === 'events' && bytesFrom === 'events')) {
    missing.delete(missingModel(model));
  }
  return {
    model,
    modelShape: shape?.name ?? null,
    groups: found,
    missing: [...missing],
    deadZone: deadZoneOf(balance, shape, ffn),
  };
}

function missingModel(model: string | null): string {
  if (model === null) {
    return 'FLOPs and bytes: senders say neither afd.flops and afd.bytes nor gen_ai.request.model.';
  }
  return isSimulated(model)
    ? 'FLOPs and bytes: the cluster is simulated, no GPU did any.'
    : `FLOPs and bytes: events carry no afd.flops and afd.bytes, and the shape of ${model} is not known.`;
}

function groupUtilization(
  { group, role, observedNs, computeNs, busyRatio }: GroupLengths,
  workers: readonly WorkerInfo[],
  sums: DeviceSums | undefined,
  shape: ModelShape | null,
  ffnWorkers: number,
  missing: Set<string>,
): GroupUtilization {
  const work = workOf(sums, shape, ffnWorkers);
  const peak = peakOf(workers, missing, group);
  const precision = precisionOf(role, shape, work, peak);
  const peakFlops =
    peak === null || precision === null
      ? null
      : precision === 'fp8'
        ? peak.fp8FlopsPerSecond
        : peak.bf16FlopsPerSecond;
  const peakBytes = peak?.bytesPerSecond ?? null;
  const perSecond = (amount: number | null, ns: number): number | null =>
    amount === null || ns === 0 ? null : (amount * 1e9) / ns;
  const over = (a: number | null, b: number | null): number | null =>
    a === null || b === null || b === 0 ? null : a / b;
  const flopsPerSecond = perSecond(work.flops, observedNs);
  const bytesPerSecond = perSecond(work.bytes, observedNs);
  return {
    group,
    role,
    gpu: peak?.name ?? null,
    busyRatio,
    flopsFrom: work.flopsFrom,
    bytesFrom: work.bytesFrom,
    flopsPerSecond,
    busyFlopsPerSecond: perSecond(work.flops, computeNs),
    bytesPerSecond,
    busyBytesPerSecond: perSecond(work.bytes, computeNs),
    flopsPerByte: over(work.flops, work.bytes),
    precision,
    peakFlopsPerSecond: peakFlops,
    peakBytesPerSecond: peakBytes,
    mfuRatio: over(flopsPerSecond, peakFlops),
    mbuRatio: over(bytesPerSecond, peakBytes),
    ridgeFlopsPerByte: over(peakFlops, peakBytes),
  };
}

/** What the events say themselves comes first. */
function workOf(sums: DeviceSums | undefined, shape: ModelShape | null, ffnWorkers: number): Work {
  if (sums === undefined || sums.events === 0) {
    return { flops: null, flopsFrom: null, bytes: null, bytesFrom: null };
  }
  const modelled = shape === null ? null : modelledWork(sums, shape, ffnWorkers);
  const hasFlops = sums.flopsEvents >= ENOUGH_EVENTS * sums.events;
  const hasBytes = sums.bytesEvents >= ENOUGH_EVENTS * sums.events;
  return {
    flops: hasFlops ? sums.flops * FLOPS_UNIT : (modelled?.flops ?? null),
    flopsFrom: hasFlops ? 'events' : modelled === null ? null : 'model',
    bytes: hasBytes ? sums.bytes * BYTES_UNIT : (modelled?.bytes ?? null),
    bytesFrom: hasBytes ? 'events' : modelled === null ? null : 'model',
  };
}

/** Of attention and experts (model-shapes.ts); null where no event says how much they did. */
export function modelledWork(
  sums: DeviceSums,
  shape: ModelShape,
  ffnWorkers: number,
): { readonly flops: number; readonly bytes: number } | null {
  const { attentionEvents, requests, contextTokens, expertEvents, expertTokens } = sums;
  if (attentionEvents === 0 && expertEvents === 0) return null;
  const looked = requests === 0 ? 0 : Math.min(contextTokens, requests * shape.sparseTokens);
  const expert = 3 * shape.hidden * shape.expertInner;
  const perWorker = shape.experts / Math.max(1, ffnWorkers);
  // Of e experts with t tokens thrown at them evenly, those that get one: 1 - exp(-t/e) of them.
  const tokensEach = expertEvents === 0 ? 0 : expertTokens / expertEvents / perWorker;
  const active = perWorker * (1 - Math.exp(-tokensEach));
  return {
    flops:
      2 * shape.attentionWeights * requests +
      shape.attentionFlopsPerContextToken * looked +
      shape.indexerFlopsPerContextToken * contextTokens +
      2 * expert * expertTokens,
    bytes:
      shape.attentionWeights * shape.attentionWeightBytes * attentionEvents +
      shape.kvBytesPerContextToken * looked +
      shape.indexerBytesPerContextToken * contextTokens +
      expert * shape.expertWeightBytes * active * expertEvents,
  };
}

/** null: not said, not known, or not the same on all workers. */
function peakOf(
  workers: readonly WorkerInfo[],
  missing: Set<string>,
  group: string,
): GpuPeak | null {
  const models = new Set(workers.map((info) => info.gpu ?? ''));
  const [only = ''] = models;
  if (models.size > 1) {
    missing.add(`Peaks of ${group}: its workers say different GPUs (${[...models].join(', ')}).`);
    return null;
  }
  if (only === '') {
    missing.add('Peaks: senders do not say which GPU they are (resource attribute hw.model).');
    return null;
  }
  const peak = gpuPeakOf(only);
  if (peak === null) {
    missing.add(`Peaks: ${only} is not known; known: ${KNOWN_GPUS.join(', ')}.`);
  }
  return peak;
}

function precisionOf(
  role: string,
  shape: ModelShape | null,
  work: Work,
  peak: GpuPeak | null,
): 'bf16' | 'fp8' | null {
  if (work.flops === null) return null;
  const wanted =
    shape === null ? 'bf16' : role === 'ffn' ? shape.expertPrecision : shape.attentionPrecision;
  return wanted === 'fp8' && peak !== null && peak.fp8FlopsPerSecond === null ? 'bf16' : wanted;
}

/**
 * The dead zone of arXiv 2602.09721: an FFN GPU gets its tokens over the scale-out network. Once there
 * are as many FFN GPUs as experts per token, each takes its own copy of a token, so that more GPUs get
 * no fewer tokens each; and where these arrive more slowly than the experts work, more GPUs do not
 * raise utilization. null: nothing is dispatched.
 */
function deadZoneOf(
  balance: PipelineTimes | null,
  shape: ModelShape | null,
  ffnWorkers: number,
): Utilization['deadZone'] {
  const terms = balance?.termsNs;
  if (balance === null || terms === undefined || terms.a2fLink <= 0) return null;
  const microbatches = balance.taEffectiveNs > 0 ? terms.attention / balance.taEffectiveNs : 1;
  const dispatchNs = terms.a2fLink / Math.max(1, microbatches);
  const expertNs = terms.ffn / Math.max(1, microbatches);
  const isSlow = terms.a2fLink >= terms.ffn;
  const times = `a micro-batch takes ${us(dispatchNs)} to be dispatched and ${us(expertNs)} in the experts`;
  if (!isSlow) {
    return { inZone: false, dispatchNs, expertNs, because: `The network keeps up: ${times}.` };
  }
  if (shape === null) {
    const because = `Dispatch is slower than the experts (${times}), but how many experts a token goes to is not known.`;
    return { inZone: false, dispatchNs, expertNs, because };
  }
  const inZone = ffnWorkers >= shape.expertsPerToken;
  const because = inZone
    ? `Dispatch bounds (${times}), and ${ffnWorkers} FFN GPUs are no fewer than the ${shape.expertsPerToken} experts of a token: more of them would each get as many tokens as now.`
    : `Dispatch is slower than the experts (${times}), but with fewer FFN GPUs (${ffnWorkers}) than experts of a token (${shape.expertsPerToken}) more of them would spread the traffic.`;
  return { inZone, dispatchNs, expertNs, because };
}

function us(ns: number): string {
  return `${Math.round(ns / 1000)} µs`;
}
