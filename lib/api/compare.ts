/**
 * `GET /api/v1/compare?a=NAME&a.from&a.to&b=NAME&b.from&b.to`: two windows, runs or deployments side by
 * side, aligned by group, stage and layer. A is what B is measured against: every difference is B - A.
 *
 *     a   b   shift with interval          how much B is above A
 *     step latency  A ▂▅█▅▂                median of the differences of all pairs of steps
 *                   B    ▂▅█▅▂  -> +8.2 %  (Hodges-Lehmann), and where it lies 19 times in 20
 *
 * One step is one sample, however many events it has. Definitions: docs/definitions.md, "Comparison".
 */
import { z } from 'zod';

/**
 * What the samples say of a figure, after correction for the number of figures looked at:
 *
 * - `higher`, `lower`: B's is, by a test that would say so of equal runs once in twenty (less often
 *   where many are tested at once);
 * - `same`: no difference that the samples could show;
 * - `too-few`: fewer steps on a side than the test needs; the values are there, nothing is claimed;
 * - `only-a`, `only-b`: the other side has no such thing.
 */
export const findingSchema = z.enum(['higher', 'lower', 'same', 'too-few', 'only-a', 'only-b']);
export type Finding = z.infer<typeof findingSchema>;

const interval = z.object({ value: z.number(), low: z.number(), high: z.number() });

/** One figure of both sides. `a` and `b` are medians over the sampled steps; null: not there. */
export const comparedSchema = z.object({
  a: z.number().nullable(),
  b: z.number().nullable(),
  /** Steps that the figure was taken from. */
  stepsA: z.number(),
  stepsB: z.number(),
  /** b - a, and b / a; null where a side is missing, or a is 0. */
  difference: z.number().nullable(),
  ratio: z.number().nullable(),
  /** Hodges-Lehmann shift of B against A and its 95 % interval; null: too few steps. */
  shift: interval.nullable(),
  /** The same over the absolute value of a: 0.082 is 8.2 %. null where a is 0. */
  relative: interval.nullable(),
  /** Cliff's delta, -1 to 1: how much likelier B's step is above A's than below. null: too few. */
  effect: z.number().nullable(),
  /** Mann-Whitney, two-sided, ties and serial correlation taken into account. null: too few. */
  p: z.number().nullable(),
  /** p after Benjamini-Hochberg over the figures of its table. */
  q: z.number().nullable(),
  finding: findingSchema,
});
export type Compared = z.infer<typeof comparedSchema>;

export const compareUnitSchema = z.enum(['ns', 'ratio', 'perSecond', 'count']);

export const comparedFigureSchema = z.object({
  ...comparedSchema.shape,
  /** Stable, such as `stepNs`, `busyRatio`, `cause.peerComputeNs`; with `group` and `worker` it is unique. */
  id: z.string(),
  /** In words, such as "Time per step". */
  name: z.string(),
  unit: compareUnitSchema,
  /** Which way is good. */
  better: z.enum(['lower', 'higher', 'neither']),
  /**
   * `cluster`: a side as a whole; `pipeline`: period and its terms; `group`; `stage`: durations of a
   * group's stage over all layers; `worker`.
   */
  scope: z.enum(['cluster', 'pipeline', 'group', 'stage', 'worker']),
  /** Name of the aligned group; null for cluster and pipeline, and for stages where roles differ. */
  group: z.string().nullable(),
  /** Such as "ffn/2"; null for all but workers. */
  worker: z.string().nullable(),
});
export type ComparedFigure = z.infer<typeof comparedFigureSchema>;

export const compareSideSchema = z.object({
  deployment: z.string(),
  /** Such as "48A16F", "8 colocated". */
  topology: z.string(),
  gpus: z.number(),
  microbatches: z.number(),
  layers: z.number(),
  window: z.object({ startUnixNs: z.string(), endUnixNs: z.string(), durationNs: z.number() }),
  /** Whole steps of the window; where it is too large to be read, those of the parts that were. */
  steps: z.number(),
  /** Those that samples were taken of: all, or evenly spread ones. */
  sampledSteps: z.number(),
  /** false: the window holds too many events; evenly spread parts of it were read. */
  readWhole: z.boolean(),
  /** Events that were read. */
  events: z.number(),
  /**
   * How many steps in a row say as much as one independent step, for the time per step: 1 where
   * neighbours tell nothing of each other. null: too few steps.
   */
  correlatedSteps: z.number().nullable(),
});
export type CompareSide = z.infer<typeof compareSideSchema>;

/**
 * Something that changed how long steps take: what the critical path (docs/definitions.md) of a mean
 * step spends on it, on either side, and the pause until the next step. Over all entries and `restNs`,
 * `contributionNs` adds up to the difference of the mean times per step.
 */
export const compareChangeSchema = z.object({
  /** Aligned group; null for `gap` and `pause`, and where roles differ. */
  group: z.string().nullable(),
  /** `gap`: time that nothing explains; `pause`: from a step's end to the next one's start. */
  stage: z.string(),
  /**
   * As in the critical path: `compute`, `a2f`, `f2a`, `link-queue`, `collective`, `copy`, `host`, `gap`;
   * or `pause`.
   */
  kind: z.string(),
  /** Layers that it happened in, such as "3-60", "7"; "" where it has none. */
  layers: z.string(),
  /** The worker that most of it lies on, where one stands out; null: spread. */
  worker: z.string().nullable(),
  /** Of a mean step's critical path. */
  aNs: z.number(),
  bNs: z.number(),
  /** bNs - aNs; positive: B is slower because of it. */
  contributionNs: z.number(),
  /** Of the difference of the mean times per step; null where there is none. */
  share: z.number().nullable(),
  /** Its time on the path, step by step. */
  onPath: comparedSchema,
  /** Duration of one of its events, mean over a step; null where it has none. */
  duration: comparedSchema.nullable(),
  /** One sentence. */
  words: z.string(),
});
export type CompareChange = z.infer<typeof compareChangeSchema>;

/** One row a cell of (group, stage, part, layer); columns are parallel. */
export const compareCellsSchema = z.object({
  group: z.array(z.string()),
  stage: z.array(z.string()),
  /** `wait` and `transfer` of receives; `all` of everything else. */
  part: z.array(z.enum(['all', 'wait', 'transfer'])),
  layer: z.array(z.number()),
  /** Median over steps of the mean duration in a step, ns; null: not there. */
  a: z.array(z.number().nullable()),
  b: z.array(z.number().nullable()),
  stepsA: z.array(z.number()),
  stepsB: z.array(z.number()),
  shift: z.array(z.number().nullable()),
  low: z.array(z.number().nullable()),
  high: z.array(z.number().nullable()),
  effect: z.array(z.number().nullable()),
  q: z.array(z.number().nullable()),
  finding: z.array(findingSchema),
});
export type CompareCells = z.infer<typeof compareCellsSchema>;

export const compareSchema = z.object({
  schema: z.literal('afdscope.compare/1'),
  a: compareSideSchema,
  b: compareSideSchema,
  verdict: z.object({
    /** One or two sentences: how much slower or faster B's steps are, and why. */
    sentence: z.string(),
    /** `slower`, `faster`: than A; `same`: no difference shown; `unknown`: too few steps. */
    direction: z.enum(['slower', 'faster', 'same', 'unknown']),
    /** Relative change of the time per step, with its 95 % interval; null: too few steps. */
    stepChange: interval.nullable(),
  }),
  headline: z.array(comparedFigureSchema),
  /** What made steps longer or shorter, the largest first. */
  changes: z.array(compareChangeSchema),
  explained: z
    .object({
      /** Mean time per step, of the sampled ones. */
      aNs: z.number(),
      bNs: z.number(),
      differenceNs: z.number(),
      /** What `changes` leaves out because there is too much of it. */
      restNs: z.number(),
    })
    .nullable(),
  cells: compareCellsSchema,
  /** Latency of the sampled steps, ns, ascending. */
  latency: z.object({ a: z.array(z.number()), b: z.array(z.number()) }),
  alignment: z.object({
    /** What stands in one row: group names of either side. */
    groups: z.array(
      z.object({
        name: z.string(),
        role: z.string(),
        a: z.array(z.string()),
        b: z.array(z.string()),
        workersA: z.number(),
        workersB: z.number(),
      }),
    ),
    /** false: a side has both roles on the same GPUs; stages are compared whoever runs them. */
    byRole: z.boolean(),
    /** What only one side has, in words. */
    onlyA: z.array(z.string()),
    onlyB: z.array(z.string()),
  }),
  /** How samples were taken and what cannot be said, in words. */
  notes: z.array(z.string()),
});
export type Compare = z.infer<typeof compareSchema>;
