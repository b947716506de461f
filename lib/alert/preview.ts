/** When would this rule have fired? Its evaluation over kept samples, look by look. */
import type { AlertRule, RulePreview } from '#lib/api/alert-rules.ts';
import { advanceAlert } from './advance.ts';
import { alertId } from './alert-id.ts';
import type { ActiveAlert } from './alert-state.ts';
import { compileRule } from './compiled-rule.ts';
import { type Judgement, judgeRule } from './judge.ts';
import type { SampleSet } from './sample.ts';
import { needsOf, SampleHistory } from './sample-history.ts';

export interface PreviewOptions {
  readonly fromUnixMs: number;
  readonly toUnixMs: number;
  /** Series that are listed, those that would have fired first. */
  readonly maxSeries?: number;
  /** Points that each series is drawn with. */
  readonly maxPoints?: number;
}

const MAX_SERIES = 20;
const MAX_POINTS = 600;
/** Evaluations over the whole preview: more looks are taken several at a time. */
const MAX_STEPS = 5000;

type Span = RulePreview['series'][number]['spans'][number];

interface Track {
  readonly labels: Record<string, string>;
  readonly atUnixMs: number[];
  readonly value: (number | null)[];
  readonly bound: (number | null)[];
  readonly spans: Span[];
  alert: ActiveAlert | null;
}

/**
 * `sets`: kept samples in the order of their looks, of before `fromUnixMs`, too, as far back as the rule
 * looks (`longestNeedMs`). Nothing else is known to it, so it answers what the rule would have seen.
 */
export function previewRule(
  rule: AlertRule,
  sets: readonly SampleSet[],
  options: PreviewOptions,
): RulePreview {
  const { fromUnixMs, toUnixMs } = options;
  const watched: AlertRule = { ...rule, enabled: true };
  const tracks = followRule(watched, sets, fromUnixMs, toUnixMs);
  const all = [...tracks.values()].sort(firedFirst);
  const maxPoints = options.maxPoints ?? MAX_POINTS;
  const shown = all.slice(0, options.maxSeries ?? MAX_SERIES);
  return {
    rule: rule.name,
    fromUnixMs,
    toUnixMs,
    missing: all.length > 0 ? null : missingText(rule, sets, fromUnixMs),
    series: shown.map((track) => ({
      deployment: track.labels.deployment ?? '',
      labels: track.labels,
      ...thinned(track, maxPoints, compileRule(watched).isUp),
      spans: track.spans,
    })),
    hiddenSeries: all.length - shown.length,
  };
}

function followRule(
  rule: AlertRule,
  sets: readonly SampleSet[],
  fromUnixMs: number,
  toUnixMs: number,
): Map<string, Track> {
  const compiled = compileRule(rule);
  const history = new SampleHistory(needsOf([rule]));
  const tracks = new Map<string, Track>();
  const inside = sets.filter(({ atUnixMs }) => atUnixMs >= fromUnixMs && atUnixMs < toUnixMs);
  const every = Math.max(1, Math.ceil(inside.length / MAX_STEPS));
  const firstUnixMs = sets[0]?.atUnixMs ?? fromUnixMs;
  let taken = 0;
  for (const set of sets) {
    if (set.atUnixMs >= toUnixMs) break;
    history.add(set);
    taken++;
    if (set.atUnixMs < fromUnixMs || taken % every !== 0) continue;
    const judged = judgeRule(compiled, {
      history,
      nowUnixMs: set.atUnixMs,
      watchingSinceUnixMs: firstUnixMs,
      firingSince: (labels) => {
        const alert = tracks.get(alertId(rule.name, labels))?.alert;
        return alert?.state === 'firing' ? alert.startsAtUnixMs : null;
      },
    });
    for (const judgement of judged) {
      const id = alertId(rule.name, judgement.labels);
      const track = tracks.get(id) ?? newTrack(judgement);
      tracks.set(id, track);
      const { alert } = advanceAlert(compiled, judgement, track.alert ?? undefined, set.atUnixMs);
      follow(track, judgement, alert, set.atUnixMs);
    }
  }
  return tracks;
}

function newTrack({ labels }: Judgement): Track {
  return {
    labels: { ...labels },
    atUnixMs: [],
    value: [],
    bound: [],
    spans: [],
    alert: null,
  };
}

function follow(
  track: Track,
  judgement: Judgement,
  alert: ActiveAlert | null,
  nowUnixMs: number,
): void {
  const atUnixMs = judgement.isMissing ? nowUnixMs : judgement.atUnixMs;
  if (atUnixMs > (track.atUnixMs.at(-1) ?? Number.NEGATIVE_INFINITY)) {
    track.atUnixMs.push(atUnixMs);
    track.value.push(judgement.value);
    track.bound.push(judgement.bound);
  }
  const before = stateOf(track.alert);
  const now = stateOf(alert);
  track.alert = alert;
  if (before === now) return;
  const open = track.spans.at(-1);
  if (open !== undefined && open.toUnixMs === null) open.toUnixMs = atUnixMs;
  if (now !== null) track.spans.push({ state: now, fromUnixMs: atUnixMs, toUnixMs: null });
}

function stateOf(alert: ActiveAlert | null): Span['state'] | null {
  return alert === null || alert.state === 'resolved' ? null : alert.state;
}

/** Those that fired, then those that were pending, then by name. */
function firedFirst(a: Track, b: Track): number {
  const rank = ({ spans }: Track): number =>
    spans.some(({ state }) => state === 'firing') ? 0 : spans.length > 0 ? 1 : 2;
  const name = ({ labels }: Track): string => JSON.stringify(labels);
  return rank(a) - rank(b) || (name(a) < name(b) ? -1 : 1);
}

/** Of each stretch of points the one that is nearest to its bound, or furthest over it. */
function thinned({ atUnixMs, value, bound }: Track, maxPoints: number, isUp: boolean) {
  const excess = (i: number): number => {
    if (value[i] == null) return Number.NEGATIVE_INFINITY;
    const over = value[i]! - (bound[i] ?? 0);
    return isUp ? over : -over;
  };
  const every = Math.ceil(atUnixMs.length / maxPoints);
  if (every <= 1) return { atUnixMs, value, bound };
  const kept: number[] = [];
  for (let from = 0; from < atUnixMs.length; from += every) {
    let worst = from;
    for (let i = from; i < Math.min(from + every, atUnixMs.length); i++) {
      if (excess(i) > excess(worst)) worst = i;
    }
    kept.push(worst);
  }
  return {
    atUnixMs: kept.map((i) => atUnixMs[i]!),
    value: kept.map((i) => value[i]!),
    bound: kept.map((i) => bound[i]!),
  };
}

function missingText(rule: AlertRule, sets: readonly SampleSet[], fromUnixMs: number): string {
  if (sets.every(({ atUnixMs }) => atUnixMs < fromUnixMs))
    return 'no samples are kept of this time';
  const isKept = sets.some(({ samples }) => samples.some(({ metric }) => metric === rule.metric));
  return isKept
    ? `no series of ${rule.metric} has these labels`
    : `no samples of ${rule.metric} are kept of this time`;
}
