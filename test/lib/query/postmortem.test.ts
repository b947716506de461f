/** Post-mortem reports of simulated clusters: each names what was wrong, and what was well before. */
import { describe, expect, test } from 'vitest';
import { addNanos, NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { Faults } from '#lib/pipeline/faults.ts';
import { scenarioSpec } from '#lib/pipeline/scenarios.ts';
import { BadQuestionError } from '#lib/query/errors.ts';
import { postmortem, postmortemFacts, postmortemFile } from '#lib/query/postmortem.ts';
import type { PostmortemQuestion } from '#lib/query/questions.ts';
import { MemoryStateStore } from '#lib/store/memory-state-store.ts';
import { openTelemetryWriter } from '#lib/store/open-store.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { faultyRun, storeOf } from '#test/support/faulty-store.ts';
import { batchOf, spans, window } from '#test/support/telemetry-batch.ts';

const spec = scenarioSpec('healthy', {
  attentionWorkers: 4,
  ffnWorkers: 2,
  layers: 9,
  listExperts: true,
});
const SETUP = {
  versions: [{ name: 'afdscope', value: '9.8.7' }],
  config: [{ key: 'retention.raw', value: '2h' }],
  configOf: 'of this test',
};

function question(window: TimeWindow, more: Partial<PostmortemQuestion> = {}): PostmortemQuestion {
  return {
    deployment: spec.deployment,
    from: String(window.fromUnixNs),
    to: String(window.toUnixNs),
    url: 'http://scope.example:3000/',
    setup: SETUP,
    conditions: null,
    ...more,
  };
}

const minuteAfter = ({ toUnixNs }: TimeWindow): UnixNanos => addNanos(toUnixNs, 60 * NS_PER_S);

async function world(faults: Faults, rollups = false) {
  const run = faultyRun(spec, faults, 0.6);
  const store = await storeOf(run, spec.deployment, rollups);
  return { run, store };
}

async function markdownOf(
  store: TelemetryReader,
  window: TimeWindow,
  more: Partial<PostmortemQuestion> = {},
): Promise<string> {
  const asked = question(window, { format: 'md', ...more });
  return (await postmortem(store, null, asked, minuteAfter(window))).text;
}

/** The same store after retention took its events. */
function withoutEvents(store: TelemetryReader): TelemetryReader {
  return new Proxy(store, {
    get(target, name) {
      if (name === 'scanEvents' || name === 'scanSteps') return async function* () {};
      if (name === 'size') return async () => ({ ...(await target.size()), oldestRawUnixNs: null });
      const value: unknown = Reflect.get(target, name);
      return typeof value === 'function' ? value.bind(target) : value;
    },
  });
}

/** The text between a heading and the next. */
function section(markdown: string, title: string): string {
  const [, after = ''] = markdown.split(`## ${title}\n`);
  return after.split('\n## ')[0]!;
}

describe('a fault and its baseline', () => {
  test.each([
    [
      'a slow GPU',
      { slowRank: { role: 'attention', rank: 3, factor: 1.4 } },
      'attention/3',
      'slow',
    ],
    ['a hot expert', { hotExpert: { rank: 1, factor: 1.8 } }, 'ffn/1', 'tokens'],
    ['long contexts', { longContext: { rank: 2, factor: 2 } }, 'attention/2', 'long contexts'],
    ['a network with a tail', { commTail: { probability: 0.05, factor: 10 } }, 'network', 'ideal'],
    ['host gaps', { hostGapNs: 6e6 }, 'host work', 'host'],
  ] satisfies [string, Faults, string, string][])('%s', async (_, faults, culprit, word) => {
    const { run, store } = await world(faults);
    const markdown = await markdownOf(store, run.after);
    const verdict = section(markdown, 'Verdict');
    expect(verdict).toContain(culprit);
    expect(verdict).toContain(word);
    const changes = section(markdown, 'Against a healthy baseline');
    expect(changes).toContain('Baseline: ');
    expect(changes).toMatch(/\| Step latency, mean \|.*\| ▲ \+\d/);
    expect(changes).toMatch(/The window \(B\) against the baseline \(A\): \*\*.*slower per step/);
    const { steps, baseline } = await postmortemFacts(
      store,
      null,
      question(run.after),
      minuteAfter(run.after),
    );
    expect(baseline.kind).toBe('found');
    expect(steps.pictured.length).toBeGreaterThan(0);
    expect(steps.usualOf).toBe('baseline');
    expect(steps.usual!.durationNs).toBeLessThan(steps.pictured[0]!.durationNs);
  });

  test('a hang: the step that hung is drawn, who waits for whom is told', async () => {
    const { run, store } = await world({ hungRank: { role: 'ffn', rank: 1, layer: 5 } });
    const { fromUnixNs, toUnixNs } = run.after;
    const window = { fromUnixNs, toUnixNs: addNanos(toUnixNs, 10 * NS_PER_S) };
    const { steps, report } = await postmortemFacts(
      store,
      null,
      question(window),
      minuteAfter(window),
    );
    expect(report.hangs).toMatchObject([{ worker: 'ffn/1' }]);
    expect(steps.pictured[0]).toMatchObject({ why: 'hung', step: report.hangs![0]!.step });
    expect(steps.pictured[0]!.rows.map(({ workerId }) => workerId)).toContain('ffn/1');
    const markdown = await markdownOf(store, window);
    expect(section(markdown, 'Verdict')).toContain('**Hung:** [**ffn/1**]');
    const forensics = section(markdown, 'What stood still');
    expect(forensics).toContain('expert, layer 5');
    expect(forensics).toContain('attention/0–3');
  });

  test('a healthy cluster is said to be healthy', async () => {
    const { run, store } = await world({});
    const markdown = await markdownOf(store, run.after);
    expect(section(markdown, 'Stragglers')).toContain('Nobody is slow');
    expect(markdown).not.toContain('## What stood still');
    expect(markdown).not.toContain('## Alerts');
    expect(section(markdown, 'Against a healthy baseline')).toContain('Baseline: ');
  });
});

describe('the baseline', () => {
  test('is not a window with the same fault; that is told', async () => {
    const { run, store } = await world({ slowRank: { role: 'ffn', rank: 0, factor: 1.5 } });
    const middle = unixNanos((run.after.fromUnixNs + run.after.toUnixNs) / 2n);
    const late = { fromUnixNs: middle, toUnixNs: run.after.toUnixNs };
    const { baseline } = await postmortemFacts(store, null, question(late), minuteAfter(late));
    expect(baseline.kind).toBe('found');
    expect(baseline.passedOver[0]).toMatchObject({ because: 'ffn/0 is slow' });
  });

  test('is none where nothing came before', async () => {
    const { run, store } = await world({});
    const whole = { fromUnixNs: run.table.baseUnixNs, toUnixNs: run.after.toUnixNs };
    const { baseline } = await postmortemFacts(store, null, question(whole), minuteAfter(whole));
    expect(baseline).toMatchObject({ kind: 'none', passedOver: [] });
    expect(section(await markdownOf(store, whole), 'Against a healthy baseline')).toContain(
      'No baseline: the window starts with the first event',
    );
  });
});

describe('windows', () => {
  test('from rollups alone name nobody, and say why', async () => {
    const { run, store } = await world(
      { slowRank: { role: 'attention', rank: 3, factor: 1.4 } },
      true,
    );
    // Events of the second are gone; its sums stay.
    const gone = withoutEvents(store);
    const facts = await postmortemFacts(gone, null, question(run.after), minuteAfter(run.after));
    expect(facts.report.exactness).toBe('rollup');
    expect(facts.closeUp).toBeNull();
    expect(facts.steps).toMatchObject({ slowest: [], pictured: [], usual: null });
    const markdown = await markdownOf(gone, run.after);
    expect(section(markdown, 'The worst steps')).toContain('no longer kept');
    expect(section(markdown, 'How far the data can be trusted')).toContain('rollups');
    expect(section(markdown, 'Where the time went')).toContain('device excess');
    expect(markdown).not.toContain('## Stragglers');
  });

  test('of too many events are told from rollups, with a close look at the worst step', async () => {
    const { run, store } = await world(
      { slowRank: { role: 'attention', rank: 3, factor: 1.4 } },
      true,
    );
    const bounds = { window: 1000, picture: 30_000, closeUp: 20_000 };
    const facts = await postmortemFacts(
      store,
      null,
      question(run.after),
      minuteAfter(run.after),
      bounds,
    );
    expect(facts.report.exactness).toBe('rollup');
    expect(facts.steps.from).toBe('slowest-seconds');
    expect(facts.steps.pictured.length).toBeGreaterThan(0);
    expect(facts.closeUp!.exactness).toBe('raw');
    expect(facts.closeUp!.stragglers[0]!.worker).toBe('attention/3');
    const { text } = postmortemFile(facts, 'md');
    expect(section(text, 'Verdict')).toMatch(/Seen close, .*attention\/3/);
    expect(section(text, 'Stragglers')).toContain('attention/3');
  });

  test('without an event', async () => {
    const { run, store } = await world({});
    const later = addNanos(run.after.toUnixNs, 3600 * NS_PER_S);
    const empty = { fromUnixNs: later, toUnixNs: addNanos(later, NS_PER_S) };
    const html = await postmortem(store, null, question(empty), minuteAfter(empty));
    expect(html.text).toContain('No steps in this window.');
    expect(html.text).toContain('No step ended in the window.');
    expect(html.text).not.toContain('<figure>');
  });

  test('of one step', async () => {
    const { run, store } = await world({});
    const facts = await postmortemFacts(store, null, question(run.after), minuteAfter(run.after));
    const { startUnixNs, durationNs, step } = facts.steps.slowest[0]!;
    const start = unixNanos(BigInt(startUnixNs));
    const one = { fromUnixNs: addNanos(start, 1_000_000), toUnixNs: addNanos(start, durationNs) };
    const own = await postmortemFacts(store, null, question(one), minuteAfter(one));
    expect(own.steps.slowest.map((row) => row.step)).toEqual([step]);
    expect(own.steps.pictured).toHaveLength(1);
    expect(section(await markdownOf(store, one), 'The worst steps')).toContain(`${step}`);
  });

  test('whose times are left out end with the data', async () => {
    const { run, store } = await world({});
    const asked = { ...question(run.after), from: undefined, to: undefined };
    const { report } = await postmortemFacts(store, null, asked, minuteAfter(run.after));
    expect(report.steps.count).toBeGreaterThan(20);
    expect(BigInt(report.window.endUnixNs)).toBeLessThanOrEqual(run.after.toUnixNs + 20_000_000n);
  });
});

test('GPUs that are not disaggregated have a report, too', async () => {
  const store = await openTelemetryWriter({ data: 'colocated', store: 'memory:' });
  const steps = Array.from({ length: 30 }, (_, i) => i);
  const tables = [0, 1, 2, 3].map((rank) =>
    spans(
      steps.map((step) => [step * 1_000_000, 800_000 + ((step * 7 + rank) % 5) * 1000, step]),
      { rank, role: 'colocated', group: 'tp<8>', deployment: 'trace' },
    ),
  );
  await store.append([batchOf('trace', { events: tables })]);
  const half = window(15_000_000, 30_000_000);
  const asked = { ...question(half, { format: 'md' }), deployment: 'trace' };
  const { text } = await postmortem(store, null, asked, minuteAfter(half));
  expect(section(text, 'Verdict')).toMatch(/Not disaggregated|not disaggregated/);
  expect(text).toContain('tp&lt;8&gt;');
  expect(section(text, 'The worst steps')).toContain('Slow step');
  expect(section(text, 'Against a healthy baseline')).toContain('Baseline: ');
});

test('notes of the window, and only those, are in it', async () => {
  const { run, store } = await world({});
  const state = new MemoryStateStore();
  const note = (id: string, at: bigint, text: string) => ({
    id,
    deployment: spec.deployment,
    fromUnixNs: unixNanos(at),
    toUnixNs: unixNanos(at),
    author: 'someone',
    text,
    createdUnixNs: unixNanos(at),
  });
  await state.putAnnotation(note('a', run.after.fromUnixNs + 1000n, 'new *firmware* | here'));
  await state.putAnnotation(note('b', run.before.fromUnixNs, 'long before'));
  const asked = question(run.after, { format: 'md' });
  const { text } = await postmortem(store, state, asked, minuteAfter(run.after));
  expect(section(text, 'Notes of people')).toContain('new \\*firmware\\* \\| here');
  expect(text).not.toContain('long before');
});

test('the same window gives the same bytes', async () => {
  const { run, store } = await world({ slowRank: { role: 'attention', rank: 1, factor: 1.3 } });
  const now = minuteAfter(run.after);
  const first = await postmortem(store, null, question(run.after), now);
  const again = await postmortem(store, null, question(run.after), now);
  expect(again).toEqual(first);
  const later = await postmortem(store, null, question(run.after), addNanos(now, NS_PER_S));
  const made = (text: string) => text.replace(/Made 2026[^<]*/, '');
  expect(made(later.text)).toBe(made(first.text));
});

test('what it does not know is refused with what it does', async () => {
  const { run, store } = await world({});
  const refused = (more: Partial<PostmortemQuestion>) =>
    expect(postmortem(store, null, question(run.after, more), minuteAfter(run.after))).rejects;
  await refused({ format: 'pdf' }).toThrow('write html or md');
  await refused({ zone: 'Mars/Olympus' }).toThrow('is no time zone');
  await refused({ url: 'javascript:alert(1)' }).toThrow('write http://host:port');
  await refused({ format: 'pdf' }).toThrow(BadQuestionError);
});
