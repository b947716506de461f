/**
 * Alert rules, as they stand in YAML files, in the store and in the API: one contract. Keys are those of
 * Prometheus' rule files where there is such a key. `lib/alert/parse-rules.ts` reads files.
 */
import { z } from 'zod';
import { SERIES_LABELS } from './alert-metrics.ts';

const DURATION = /^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d))+$/;
const SECONDS: Readonly<Record<string, number>> = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86_400 };

/** "90s", "1m30s", "500ms" as milliseconds; null: not a duration. */
export function durationMs(text: string): number | null {
  if (!DURATION.test(text)) return null;
  let seconds = 0;
  for (const [, number, unit] of text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)) {
    seconds += Number(number) * SECONDS[unit!]!;
  }
  return Math.round(seconds * 1000);
}

const duration = z
  .string()
  .refine((text) => durationMs(text) !== null, 'write a duration such as 30s, 5m or 1m30s');

const labelName = z
  .string()
  .regex(/^[a-zA-Z_][a-zA-Z0-9_]*$/, 'label names are letters, digits and _');

export const SEVERITIES = ['info', 'warning', 'critical'] as const;
export type Severity = (typeof SEVERITIES)[number];

export const COMPARISONS = ['>', '>=', '<', '<='] as const;

/**
 * `where`: which series a rule watches. Texts may hold `*`, commas separate several ("disk-full,locked");
 * layers are "7", "3-60" or "3-5,9".
 */
const where = z.partialRecord(z.enum(['deployment', ...SERIES_LABELS]), z.string().min(1));

export const alertRuleSchema = z
  .strictObject({
    name: z.string().regex(/^[a-z0-9][a-z0-9_-]{0,63}$/, 'names are 1 to 64 of a-z, 0-9, - and _'),
    /** Why it exists and why its threshold is what it is: for whoever reads it at night. */
    reason: z.string().max(2000).default(''),
    enabled: z.boolean().default(true),
    /** A name of ALERT_METRICS, or `report:` and a path. */
    metric: z.string().min(1).max(200),
    where: where.default({}),
    /**
     * Labels that its alerts are told apart by; of series that differ in others the worst counts, so
     * that ten hot layers are one alert. Default: all labels of the metric. Always the deployment, too.
     */
    by: z.array(z.enum(SERIES_LABELS)).optional(),
    compare: z.enum(COMPARISONS).default('>'),
    /** In the metric's base unit (seconds, 0..1). Either this, or `baseline`, or both must hold. */
    threshold: z.number().optional(),
    /**
     * The alert ends only once the value is back on this side (hysteresis). Default: the threshold. What
     * fired by a baseline ends at half the distance from it.
     */
    recover: z.number().optional(),
    /**
     * Compares with the series' own recent past: true where the value is `deviations` robust standard
     * deviations (1.4826 · MAD, at least 2 % of the median) beyond the median, and `at_least` away.
     * The past is that of before the trouble: it stays news until it is older than `over`.
     */
    baseline: z
      .strictObject({
        over: duration,
        deviations: z.number().positive().default(5),
        at_least: z.number().nonnegative().default(0),
        /** Not before so much of the past is known. */
        warm_up: duration.default('10m'),
      })
      .optional(),
    /** Samples of so long are put together, before comparing. */
    window: duration.default('30s'),
    aggregate: z.enum(['mean', 'max', 'min', 'last']).default('mean'),
    /** True for so long without a break before it fires. */
    for: duration.default('0s'),
    /** Fires on for so long after it was true last. */
    keep_firing_for: duration.default('0s'),
    /** In place of `for`: true in so many of the last so many windows. */
    of_windows: z
      .strictObject({ hits: z.number().int().min(1), of: z.number().int().min(1).max(100) })
      .refine(({ hits, of }) => hits <= of, 'hits must not be more than of')
      .optional(),
    /** Without samples: `resolve` ends it, `keep` leaves it as it is, `alert` makes it true. */
    no_data: z.enum(['resolve', 'keep', 'alert']).default('keep'),
    severity: z.enum(SEVERITIES).default('warning'),
    labels: z.record(labelName, z.string()).default({}),
    /** May hold {{ value }}, {{ threshold }}, {{ labels.worker }} and so on (lib/alert/template.ts). */
    annotations: z.record(labelName, z.string().max(4000)).default({}),
    runbook: z.string().max(500).default(''),
    /** While it fires, alerts of these rules in the same deployment are its consequences and stay quiet. */
    explains: z.array(z.string()).default([]),
    /** Freeze the raw window around it as an incident. Default: warnings and critical ones do. */
    record: z.boolean().optional(),
  })
  .superRefine((rule, context) => {
    if (rule.threshold === undefined && rule.baseline === undefined) {
      context.addIssue({
        code: 'custom',
        path: ['threshold'],
        message: 'a rule needs a threshold, a baseline, or both',
      });
    }
    const { recover, threshold } = rule;
    if (recover === undefined || threshold === undefined) return;
    const isUp = rule.compare === '>' || rule.compare === '>=';
    if (isUp ? recover > threshold : recover < threshold) {
      context.addIssue({
        code: 'custom',
        path: ['recover'],
        message: `must lie on the healthy side of the threshold ${threshold}`,
      });
    }
  });
/** With every default filled in. */
export type AlertRule = z.output<typeof alertRuleSchema>;
/** As people write it. */
export type AlertRuleInput = z.input<typeof alertRuleSchema>;

/** A rule file. */
export const ruleFileSchema = z.strictObject({ rules: z.array(alertRuleSchema) });

export const RULE_SOURCES = ['builtin', 'file', 'page'] as const;

export const listedRuleSchema = z.object({
  rule: alertRuleSchema,
  /** `builtin`; `file`: of alerts.rules; `page`: made or changed there, stored, wins over the others. */
  source: z.enum(RULE_SOURCES),
  /** A built-in or file rule of the same name stands behind it: deleting brings that one back. */
  overrides: z.boolean(),
  /** Alerts of it by state. */
  firing: z.number(),
  pending: z.number(),
  /** Why it cannot be evaluated now; null: it can. */
  error: z.string().nullable(),
  /** When it was stored from a page; null: it was not. Goes back as `basedOn` with a change of it. */
  changedUnixMs: z.number().nullable(),
});
export type ListedRule = z.infer<typeof listedRuleSchema>;
export const rulesAnswerSchema = z.object({
  rules: z.array(listedRuleSchema),
  /** What is wrong with the file of `alerts.rules`, and what became of it; empty: nothing. */
  problems: z.array(z.string()),
});
export type RulesAnswer = z.infer<typeof rulesAnswerSchema>;

/** `POST /api/v1/alerts/rules/preview`: when would this have fired? */
export const previewRequestSchema = z.object({
  rule: z.unknown(),
  deployment: z.string().optional(),
  from: z.string().optional(),
  to: z.string().optional(),
});

export const rulePreviewSchema = z.object({
  rule: z.string(),
  fromUnixMs: z.number(),
  toUnixMs: z.number(),
  /** Why there is nothing to see (no samples kept for this metric, …); null: there is. */
  missing: z.string().nullable(),
  series: z.array(
    z.object({
      deployment: z.string(),
      labels: z.record(z.string(), z.string()),
      atUnixMs: z.array(z.number()),
      /** What was compared; null: no data. */
      value: z.array(z.number().nullable()),
      /** What it was compared with: the threshold, or the baseline's bound at that time. */
      bound: z.array(z.number().nullable()),
      /** Spans in which it would have been pending or firing. */
      spans: z.array(
        z.object({
          state: z.enum(['pending', 'firing']),
          fromUnixMs: z.number(),
          toUnixMs: z.number().nullable(),
        }),
      ),
    }),
  ),
  /** Series that are not listed, for want of room. */
  hiddenSeries: z.number(),
});
export type RulePreview = z.infer<typeof rulePreviewSchema>;
