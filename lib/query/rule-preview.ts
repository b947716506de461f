/** When would a rule have fired? The rule over the samples that were kept. */
import { previewRule } from '#lib/alert/preview.ts';
import type { SampleSet } from '#lib/alert/sample.ts';
import { longestNeedMs, needsOf } from '#lib/alert/sample-history.ts';
import { alertRuleSchema, type RulePreview } from '#lib/api/alert-rules.ts';
import { NS_PER_S, type UnixNanos, unixMsFromNanos, unixNanosFromMs } from '#lib/base/units.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import { ruleCheck } from './alert-rules.ts';
import { BadQuestionError } from './errors.ts';
import { setsOfRow } from './sample-rows.ts';
import { windowOrNewest } from './window.ts';

export interface RulePreviewQuestion {
  readonly rule: unknown;
  readonly deployment?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

const HOUR_MS = 3_600_000;
const DEFAULT_WINDOW_NS = 3 * 3600 * NS_PER_S;
const MAX_WINDOW_MS = 24 * HOUR_MS;
const ROWS_AT_ONCE = 500;
/** A day of one deployment, or three hours of eight. */
const MAX_ROWS = 1500;

/**
 * `from` is three hours before `to` where it is absent. `names`: of the rules that there are.
 * @throws BadQuestionError where the rule is none, or there is too much to look at.
 */
export async function rulePreview(
  state: StateStore,
  question: RulePreviewQuestion,
  nowUnixNs: UnixNanos,
): Promise<RulePreview> {
  const parsed = alertRuleSchema.safeParse(question.rule);
  if (!parsed.success) {
    const issue = parsed.error.issues[0];
    const path = ['rule', ...(issue?.path ?? [])].map(String).join('.');
    throw new BadQuestionError(path, `${path}: ${issue?.message ?? 'wrong'}`);
  }
  const rule = parsed.data;
  // What it explains does not change when it fires.
  const wrong = ruleCheck({ ...rule, explains: [] }, [rule.name]);
  if (wrong !== null) throw new BadQuestionError(`rule.${wrong.split(':')[0]}`, `rule.${wrong}`);
  const window = windowOrNewest(question, nowUnixNs, DEFAULT_WINDOW_NS);
  const fromUnixMs = Math.floor(unixMsFromNanos(window.fromUnixNs));
  const toUnixMs = Math.ceil(unixMsFromNanos(window.toUnixNs));
  if (toUnixMs - fromUnixMs > MAX_WINDOW_MS) {
    throw new BadQuestionError('from', 'from: a preview is over at most 24 hours.');
  }
  const lookBackMs = Math.min(longestNeedMs(needsOf([{ ...rule, enabled: true }])), MAX_WINDOW_MS);
  const sets = await keptSets(state, rule.metric, {
    deployment: question.deployment,
    fromUnixMs: fromUnixMs - lookBackMs,
    toUnixMs,
  });
  return previewRule(rule, sets, { fromUnixMs, toUnixMs });
}

/** Looks in the order of their times, with samples of the metric alone. */
async function keptSets(
  state: StateStore,
  metric: string,
  of: {
    readonly deployment: string | undefined;
    readonly fromUnixMs: number;
    readonly toUnixMs: number;
  },
): Promise<SampleSet[]> {
  const sets: SampleSet[] = [];
  let fromUnixNs = unixNanosFromMs(Math.floor(of.fromUnixMs / 60_000) * 60_000);
  const toUnixNs = unixNanosFromMs(of.toUnixMs);
  for (let rows = 0; ; ) {
    const page = await state.logged({
      topic: 'sample',
      order: 'oldest',
      fromUnixNs,
      toUnixNs,
      ...(of.deployment === undefined ? {} : { deployment: of.deployment }),
      limit: ROWS_AT_ONCE,
    });
    const last = page.at(-1);
    if (last === undefined) break;
    const isEnd = page.length < ROWS_AT_ONCE;
    const cut = isEnd ? page : page.filter(({ atUnixNs }) => atUnixNs < last.atUnixNs);
    // More deployments in a minute than a page has rows: those that are left out come first by name.
    const whole = cut.length > 0 ? cut : page;
    for (const row of whole) {
      for (const set of setsOfRow(row)) {
        sets.push({ ...set, samples: set.samples.filter((sample) => sample.metric === metric) });
      }
    }
    rows += whole.length;
    if (isEnd) break;
    if (rows > MAX_ROWS) {
      const what = `more than ${MAX_ROWS} minutes of deployments`;
      throw new BadQuestionError(
        'from',
        `from: there are ${what} to look at; name a deployment, or take a shorter window.`,
      );
    }
    fromUnixNs = (whole.at(-1)!.atUnixNs + 1n) as UnixNanos;
  }
  return sets.sort((a, b) => a.atUnixMs - b.atUnixMs);
}
