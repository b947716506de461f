/** A silence as it is written: whom it covers, how long, who says so and why. */
import {
  type AlertJson,
  type Matcher,
  type SilenceJson,
  type SilenceRequest,
  silenceRequestSchema,
} from '#lib/api/alerts.ts';
import { matchesLabels, wholePattern } from '#lib/api/matchers.ts';
import { ageText } from './format.ts';
import { instantOfInput, localInput } from './local-input.ts';

export const SILENCE_LENGTHS = [
  { name: '1h', label: '1 h', lengthMs: 3_600_000 },
  { name: '4h', label: '4 h', lengthMs: 14_400_000 },
  { name: '1d', label: '1 d', lengthMs: 86_400_000 },
] as const;
export type SilenceLength = (typeof SILENCE_LENGTHS)[number]['name'] | 'custom';

/** A row of the form; its key stays while others come and go. */
export interface DraftMatcher extends Matcher {
  readonly key: number;
}

export interface SilenceDraft {
  /** null: a new one. */
  readonly id: string | null;
  readonly matchers: readonly DraftMatcher[];
  /** As a `datetime-local` field writes it; '': from now on. */
  readonly from: string;
  readonly length: SilenceLength;
  /** With `custom`: when it ends. */
  readonly until: string;
  readonly author: string;
  readonly comment: string;
}

/** Labels that tell an alert from the others, in the order in which they are read. */
const PREFILLED = [
  'alertname',
  'deployment',
  'group',
  'worker',
  'stage',
  'layer',
  'domain',
  'condition',
] as const;

const NO_MATCHER: Matcher = { name: '', value: '', isRegex: false, isEqual: true };

export function withMatcher(
  matchers: readonly DraftMatcher[],
  matcher: Matcher = NO_MATCHER,
): readonly DraftMatcher[] {
  return [...matchers, { ...matcher, key: 1 + Math.max(0, ...matchers.map(({ key }) => key)) }];
}

function rowsOf(matchers: readonly Matcher[]): readonly DraftMatcher[] {
  return matchers.map((matcher, key) => ({ ...matcher, key }));
}

export function emptyDraft(author: string, nowUnixMs: number): SilenceDraft {
  return {
    id: null,
    matchers: rowsOf([NO_MATCHER]),
    from: '',
    length: '1h',
    until: localInput(nowUnixMs + 3_600_000),
    author,
    comment: '',
  };
}

/** Covers this alert and no other. */
export function draftFor(
  labels: AlertJson['labels'],
  author: string,
  nowUnixMs: number,
): SilenceDraft {
  const matchers = PREFILLED.flatMap((name) => {
    const value = labels[name];
    return value === undefined || value === '' ? [] : [{ ...NO_MATCHER, name, value }];
  });
  return { ...emptyDraft(author, nowUnixMs), matchers: rowsOf(matchers) };
}

export function draftOfSilence(silence: SilenceJson): SilenceDraft {
  return {
    id: silence.id,
    matchers: rowsOf(silence.matchers),
    from: localInput(silence.startsAtUnixMs),
    length: 'custom',
    until: localInput(silence.endsAtUnixMs),
    author: silence.author,
    comment: silence.comment,
  };
}

export interface CheckedSilence {
  /** null: it cannot be sent as it is. */
  readonly request: SilenceRequest | null;
  /** By field: `matchers`, `matchers.0`, `from`, `until`, `author`, `comment`. */
  readonly errors: ReadonlyMap<string, string>;
}

export function checkSilence(draft: SilenceDraft, nowUnixMs: number): CheckedSilence {
  const errors = new Map<string, string>();
  const startsAtUnixMs = draft.from === '' ? nowUnixMs : instantOfInput(draft.from);
  if (startsAtUnixMs === null) errors.set('from', 'choose a day and a time');
  const fixed = SILENCE_LENGTHS.find(({ name }) => name === draft.length);
  const endsAtUnixMs =
    fixed === undefined
      ? instantOfInput(draft.until)
      : (startsAtUnixMs ?? nowUnixMs) + fixed.lengthMs;
  if (endsAtUnixMs === null) errors.set('until', 'choose a day and a time');
  else if (endsAtUnixMs <= (startsAtUnixMs ?? 0)) {
    errors.set('until', 'it must end after it starts');
  } else if (endsAtUnixMs <= nowUnixMs) errors.set('until', 'this is over already');
  for (const [at, { name, value, isRegex }] of draft.matchers.entries()) {
    if (name.trim() === '') errors.set(`matchers.${at}`, 'which label?');
    else if (isRegex && wholePattern(value) === null) {
      errors.set(`matchers.${at}`, 'this is no regular expression');
    }
  }
  // A silence that covers what has no label at all would cover everything.
  const coversAll = draft.matchers.every((matcher) => matchesLabels([matcher], {}));
  if (draft.matchers.length > 0 && coversAll && errors.size === 0) {
    errors.set('matchers', 'one matcher at least must ask for something, or all is silenced');
  }
  const parsed = silenceRequestSchema.safeParse({
    ...(draft.id === null ? {} : { id: draft.id }),
    matchers: draft.matchers.map((matcher) => ({ ...matcher, name: matcher.name.trim() })),
    ...(draft.from === '' ? {} : { startsAtUnixMs: startsAtUnixMs ?? 0 }),
    endsAtUnixMs: endsAtUnixMs ?? 0,
    author: draft.author.trim(),
    comment: draft.comment.trim(),
  });
  for (const { path, message } of parsed.error?.issues ?? []) {
    const field = path[0] === 'matchers' ? path.slice(0, 2).join('.') : String(path[0] ?? 'until');
    if (!errors.has(field) && field !== 'endsAtUnixMs') errors.set(field, message);
  }
  return { request: errors.size === 0 && parsed.success ? parsed.data : null, errors };
}

/** The alerts of now that it would cover. */
export function coveredAlerts(
  matchers: readonly Matcher[],
  alerts: readonly AlertJson[],
): readonly AlertJson[] {
  if (matchers.length === 0 || matchers.some(({ name }) => name.trim() === '')) return [];
  return alerts.filter(
    ({ state, labels }) => state !== 'resolved' && matchesLabels(matchers, labels),
  );
}

/** `ends in 3 h`, `starts in 2 d`, `ended 5 min ago`. */
export function silenceTimeText(silence: SilenceJson, nowUnixMs: number): string {
  const { startsAtUnixMs, endsAtUnixMs } = silence;
  if (nowUnixMs < startsAtUnixMs) return `starts in ${ageText(startsAtUnixMs - nowUnixMs)}`;
  if (nowUnixMs < endsAtUnixMs) return `ends in ${ageText(endsAtUnixMs - nowUnixMs)}`;
  return `ended ${ageText(nowUnixMs - endsAtUnixMs)} ago`;
}

export interface SilenceSections {
  readonly active: readonly SilenceJson[];
  readonly scheduled: readonly SilenceJson[];
  readonly expired: readonly SilenceJson[];
}

export function silenceSections(silences: readonly SilenceJson[]): SilenceSections {
  const of = (state: SilenceJson['state']): SilenceJson[] =>
    silences.filter((silence) => silence.state === state);
  return {
    active: of('active').sort((a, b) => a.endsAtUnixMs - b.endsAtUnixMs),
    scheduled: of('pending').sort((a, b) => a.startsAtUnixMs - b.startsAtUnixMs),
    expired: of('expired').sort((a, b) => b.endsAtUnixMs - a.endsAtUnixMs),
  };
}
