/** The body of `PUT /faults`: what people write, checked against the running cluster. */
import { z } from 'zod';
import { err, ok, type Result } from '#lib/base/result.ts';
import { NS_PER_MS } from '#lib/base/units.ts';
import { clusterWorkers } from '#lib/pipeline/cluster.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { SCENARIO_NAMES } from '#lib/pipeline/scenarios.ts';
import type { PipelineSpec } from '#lib/pipeline/spec.ts';
import { workerId } from '#lib/table/worker-info.ts';

const rank = z.int().min(0);
const layer = z.int().min(0);
const factor = z.number().min(0.1).max(100);
const role = z.enum(['attention', 'ffn']);

const clockOffset = z.strictObject({
  /** A host ("node-1") or a worker ("ffn/2"). */
  target: z.string(),
  offsetNs: z.int().min(-3.6e12).max(3.6e12),
});

/** A fault that is absent or null is off. */
export const faultRequestSchema = z.strictObject({
  scenario: z.enum(SCENARIO_NAMES).optional(),
  slowRank: z.strictObject({ role, rank, factor }).nullish(),
  longContext: z.strictObject({ rank, factor }).nullish(),
  hotExpert: z
    .strictObject({
      rank,
      factor: z.number().min(1).max(1000),
      fromLayer: layer.optional(),
      toLayer: layer.optional(),
    })
    .nullish(),
  commTail: z.strictObject({ probability: z.number().min(0).max(1), factor }).nullish(),
  hostGapMs: z.number().min(0).max(10_000).nullish(),
  clockOffset: z.union([clockOffset, z.array(clockOffset)]).nullish(),
  hungRank: z.strictObject({ role, rank, layer: layer.optional() }).nullish(),
  /** Part of the spans, 0..1. */
  lostSpans: z.number().min(0).max(1).nullish(),
});
export type FaultRequest = z.infer<typeof faultRequestSchema>;

export interface FaultProblem {
  /** Such as "slowRank.rank". */
  readonly field: string;
  readonly message: string;
}

/** Checks an arbitrary value: form first, then that every rank, layer and target exists. */
export function parseFaultRequest(
  body: unknown,
  spec: PipelineSpec,
): Result<FaultRequest, readonly FaultProblem[]> {
  const parsed = faultRequestSchema.safeParse(body);
  if (!parsed.success) {
    return err(
      parsed.error.issues.map((issue) => ({
        field: issue.path.join('.') || '(body)',
        message: issue.message,
      })),
    );
  }
  const problems = findMissing(parsed.data, spec);
  return problems.length > 0 ? err(problems) : ok(parsed.data);
}

function findMissing(request: FaultRequest, spec: PipelineSpec): FaultProblem[] {
  const problems: FaultProblem[] = [];
  const checkRank = (field: string, ofRole: 'attention' | 'ffn', value: number | undefined) => {
    const count = ofRole === 'attention' ? spec.attentionWorkers : spec.ffnWorkers;
    if (value !== undefined && value >= count) {
      problems.push({ field, message: `${ofRole} ranks go from 0 to ${count - 1}` });
    }
  };
  const checkLayer = (field: string, value: number | undefined) => {
    if (value !== undefined && value >= spec.layers) {
      problems.push({ field, message: `layers go from 0 to ${spec.layers - 1}` });
    }
  };
  const { slowRank, longContext, hotExpert, hungRank } = request;
  if (slowRank) checkRank('slowRank.rank', slowRank.role, slowRank.rank);
  checkRank('longContext.rank', 'attention', longContext?.rank);
  checkRank('hotExpert.rank', 'ffn', hotExpert?.rank);
  if (hungRank) checkRank('hungRank.rank', hungRank.role, hungRank.rank);
  checkLayer('hotExpert.fromLayer', hotExpert?.fromLayer);
  checkLayer('hotExpert.toLayer', hotExpert?.toLayer);
  checkLayer('hungRank.layer', hungRank?.layer);
  const targets = new Set(clusterWorkers(spec).flatMap((w) => [w.host, workerId(w)]));
  offsetsOf(request).forEach(({ target }) => {
    if (!targets.has(target)) {
      const hosts = [...targets].filter((name) => !name.includes('/')).join(', ');
      problems.push({
        field: 'clockOffset.target',
        message: `no "${target}" here: name a host (${hosts}) or a worker such as ffn/0`,
      });
    }
  });
  return problems;
}

function offsetsOf(request: FaultRequest) {
  const { clockOffset: given } = request;
  return given == null ? [] : Array.isArray(given) ? given : [given];
}

export function faultsOf(request: FaultRequest): Faults {
  const { slowRank, longContext, hotExpert, commTail, hostGapMs, hungRank, lostSpans } = request;
  const clockOffset = offsetsOf(request);
  return {
    ...(slowRank ? { slowRank } : {}),
    ...(longContext ? { longContext } : {}),
    ...(hotExpert
      ? {
          hotExpert: {
            rank: hotExpert.rank,
            factor: hotExpert.factor,
            ...(hotExpert.fromLayer === undefined ? {} : { fromLayer: hotExpert.fromLayer }),
            ...(hotExpert.toLayer === undefined ? {} : { toLayer: hotExpert.toLayer }),
          },
        }
      : {}),
    ...(commTail ? { commTail } : {}),
    ...(hostGapMs ? { hostGapNs: hostGapMs * NS_PER_MS } : {}),
    ...(clockOffset.length > 0 ? { clockOffset } : {}),
    ...(hungRank
      ? {
          hungRank: {
            role: hungRank.role,
            rank: hungRank.rank,
            ...(hungRank.layer === undefined ? {} : { layer: hungRank.layer }),
          },
        }
      : {}),
    ...(lostSpans ? { lostSpansRatio: lostSpans } : {}),
  };
}
