/** Samples and rules for tests of alerts, in a few words. */
import type { Sample, SampleSet } from '#lib/alert/sample.ts';
import { type AlertRule, type AlertRuleInput, alertRuleSchema } from '#lib/api/alert-rules.ts';

/** 2026-11-27T00:00:00Z: a whole hour. */
export const START_MS = 1_795_737_600_000;

export function rule(input: Partial<AlertRuleInput> & { readonly name?: string }): AlertRule {
  return alertRuleSchema.parse({
    name: 'r',
    metric: 'bubble_ratio',
    threshold: 0.3,
    window: '1s',
    ...input,
  });
}

export function sample(
  second: number,
  value: number,
  more: Partial<Sample> & { readonly labels?: Record<string, string> } = {},
): Sample {
  return {
    metric: 'bubble_ratio',
    atUnixMs: START_MS + second * 1000,
    value,
    weight: 1,
    ...more,
    labels: { deployment: 'd', group: 'ffn', ...more.labels },
  };
}

/** The look of one second, with these samples. */
export function look(second: number, samples: readonly Sample[], deployment = 'd'): SampleSet {
  return { deployment, atUnixMs: START_MS + second * 1000, samples };
}

/** A look a second, a sample each; null: a look without one. */
export function looks(values: readonly (number | null)[], more: Partial<Sample> = {}): SampleSet[] {
  return values.map((value, i) => look(i, value === null ? [] : [sample(i, value, more)]));
}
