import { expect, test } from 'vitest';
import type { SilenceJson } from '#lib/api/alerts.ts';
import { instantOfInput, localInput } from '#lib/view/local-input.ts';
import {
  checkSilence,
  coveredAlerts,
  draftFor,
  draftOfSilence,
  emptyDraft,
  silenceSections,
  silenceTimeText,
  withMatcher,
} from '#lib/view/silence-form.ts';
import { NOON, sampleAlert } from './sample-alerts.ts';

const alert = sampleAlert();
const draft = { ...draftFor(alert.labels, 'mara', NOON), comment: 'known' };

test('filled in from an alert it covers that one and none of another worker', () => {
  expect(draft.matchers.map(({ name, value }) => `${name}=${value}`)).toEqual([
    'alertname=straggler',
    'deployment=demo',
    'worker=ffn/2',
  ]);
  const other = sampleAlert({ id: 'b', labels: { ...alert.labels, worker: 'ffn/3' } });
  expect(coveredAlerts(draft.matchers, [alert, other])).toEqual([alert]);
  expect(coveredAlerts(draft.matchers, [{ ...alert, state: 'resolved' }])).toEqual([]);
});

test('four hours from now on, as the API takes it', () => {
  const { request, errors } = checkSilence({ ...draft, length: '4h' }, NOON);
  expect([...errors]).toEqual([]);
  expect(request).toMatchObject({ endsAtUnixMs: NOON + 4 * 3_600_000, author: 'mara' });
  expect(request).not.toHaveProperty('startsAtUnixMs');
  expect(request?.matchers?.[0]).not.toHaveProperty('key');
});

test('what is missing is said beside its field', () => {
  const { request, errors } = checkSilence({ ...draft, author: ' ', comment: '' }, NOON);
  expect(request).toBeNull();
  expect([...errors.keys()].sort()).toEqual(['author', 'comment']);
  const empty = checkSilence({ ...emptyDraft('mara', NOON), comment: 'x' }, NOON);
  expect([...empty.errors.keys()]).toEqual(['matchers.0']);
});

test('times that are none, are over or run backwards', () => {
  const custom = { ...draft, length: 'custom' as const };
  const until = (text: string, from = '') =>
    checkSilence({ ...custom, until: text, from }, NOON).errors.get('until');
  expect(until('')).toMatch(/choose/);
  expect(until(localInput(NOON - 1000))).toMatch(/over|after/);
  expect(until(localInput(NOON + 1000), localInput(NOON + 5000))).toMatch(/after it starts/);
  expect(until(localInput(NOON + 60_000))).toBeUndefined();
});

test('a silence of everything is refused, and so is a pattern that cannot be read', () => {
  const [first] = draft.matchers;
  const all = { ...draft, matchers: [{ ...first!, value: '.*', isRegex: true }] };
  expect(checkSilence(all, NOON).errors.get('matchers')).toMatch(/all is silenced/);
  const broken = { ...draft, matchers: [{ ...first!, value: '(', isRegex: true }] };
  expect(checkSilence(broken, NOON).errors.get('matchers.0')).toMatch(/regular expression/);
});

test('rows keep their keys as others come', () => {
  const rows = withMatcher(withMatcher(draft.matchers));
  expect(new Set(rows.map(({ key }) => key)).size).toBe(5);
});

test('a silence that is there is edited as it is', () => {
  const silence: SilenceJson = {
    id: 's1',
    matchers: [
      { name: 'group', value: 'a.*', isRegex: true, isEqual: true },
      { name: 'worker', value: 'attention/1', isRegex: false, isEqual: false },
    ],
    startsAtUnixMs: NOON,
    endsAtUnixMs: NOON + 60_000,
    author: 'jo',
    comment: 'work',
    createdUnixMs: NOON,
    state: 'active',
  };
  const { request } = checkSilence(draftOfSilence(silence), NOON);
  const { createdUnixMs, state, ...same } = silence;
  expect(request).toEqual(same);
  expect([createdUnixMs, state]).toEqual([NOON, 'active']);
  expect(silenceTimeText(silence, NOON + 1000)).toBe('ends in 59 s');
  expect(silenceTimeText(silence, NOON - 5000)).toBe('starts in 5 s');
  expect(silenceTimeText(silence, NOON + 70_000)).toBe('ended 10 s ago');
  expect(silenceSections([silence]).active).toHaveLength(1);
});

test('local times come back as they were', () => {
  expect(instantOfInput(localInput(NOON + 1000))).toBe(NOON + 1000);
  expect(instantOfInput('tomorrow')).toBeNull();
});
