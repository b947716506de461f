import { describe, expect, it } from 'vitest';
import { builtinRules, loadRuleFile, mergeRules } from '#lib/alert/builtin-rules.ts';
import { parseRules, problemText } from '#lib/alert/parse-rules.ts';
import { reportPaths } from '#lib/alert/report-path.ts';

const problems = (text: string) =>
  parseRules(text, 'rules.yaml', [{ name: 'known', explains: [] }]).problems.map(problemText);

describe('parseRules', () => {
  it('reads rules and fills in what is not written', () => {
    const { rules, problems } = parseRules(
      `
rules:
  - name: ffn-idle
    metric: bubble_ratio
    where: { group: ffn }
    threshold: 0.3
    for: 1m30s
    labels: { team: serving }
`,
      'rules.yaml',
    );
    expect(problems).toEqual([]);
    expect(rules).toHaveLength(1);
    expect(rules[0]).toMatchObject({
      name: 'ffn-idle',
      compare: '>',
      window: '30s',
      for: '1m30s',
      no_data: 'keep',
      severity: 'warning',
      labels: { team: 'serving' },
    });
  });

  it.each([
    ['rules: [', 'rules.yaml:1: not valid YAML'],
    ['- a', 'rules.yaml:1: expected "rules:" and a list of rules'],
    ['groups: []', 'rules.yaml:1: groups: unknown key; a rule file has rules (Prometheus’'],
    ['rules: 3', 'rules.yaml:1: rules: expected a list of rules'],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    fro: 3s',
      'rules.yaml:5: a: fro: unknown key; did you mean for?',
    ],
    [
      'rules:\n  - name: a\n    metric: buble_ratio\n    threshold: 1',
      'rules.yaml:3: a: metric: there is no metric "buble_ratio"; did you mean "bubble_ratio"?',
    ],
    [
      'rules:\n  - name: a\n    metric: report:balance.tNs\n    threshold: 1',
      'rules.yaml:3: a: metric: the report has no figure "balance.tNs"; did you mean report:balance.t',
    ],
    [
      'rules:\n  - name: a\n    metric: report:taNs\n    threshold: 1',
      'did you mean report:balance.taNs?',
    ],
    ['rules:\n  - name: a\n    threshold: 1', 'rules.yaml:2: a: metric: is missing'],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio',
      'rules.yaml:2: a: threshold: a rule needs a threshold, a baseline, or both',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    severity: bad',
      'rules.yaml:5: a: severity: write one of info, warning, critical',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    for: soon',
      'rules.yaml:5: a: for: write a duration such as 30s',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 0.2\n    recover: 0.3',
      'rules.yaml:5: a: recover: must lie on the healthy side of the threshold 0.2',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    where:\n      layer: "3"',
      'rules.yaml:6: a: where.layer: bubble_ratio has no label "layer"; it has deployment, group',
    ],
    [
      'rules:\n  - name: a\n    metric: layer_period_seconds\n    threshold: 1\n    where:\n      layer: 9-3',
      'rules.yaml:6: a: where.layer: "9-3" names no layers; write 7, 3-60 or 3-5,9',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    annotations: { summary: "{{ valu }}" }',
      'rules.yaml:5: a: annotations.summary: {{ valu }} means nothing; there are {{ value }}',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    explains: [knwn]',
      'rules.yaml:5: a: explains: there is no rule "knwn"; did you mean "known"?',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    for: 1m\n    of_windows: { hits: 1, of: 2 }',
      'rules.yaml:5: a: for: of_windows stands in its place',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    baseline: { over: 5m }',
      'rules.yaml:4: a: baseline.warm_up: must not be longer than baseline.over',
    ],
    [
      'rules:\n  - name: a\n    metric: hang_seconds\n    baseline: { over: 1h }',
      'rules.yaml:4: a: baseline: hang_seconds is 0 as long as all is well: write a threshold',
    ],
    [
      'rules:\n  - { name: a, metric: bubble_ratio, threshold: 1 }\n  - { name: a, metric: bubble_ratio, threshold: 1 }',
      'rules.yaml:3: a: name: used in line 2 already',
    ],
    [
      'rules:\n  - { name: a, metric: bubble_ratio, threshold: 1, explains: [b] }\n  - { name: b, metric: bubble_ratio, threshold: 1, explains: [a] }',
      'rules.yaml:2: a: explains: goes round in a circle: a → b → a',
    ],
    [
      'rules:\n  - name: a\n    metric: hang_seconds\n    threshold: 1\n    labels:\n      worker: mine',
      'rules.yaml:6: a: labels.worker: series of hang_seconds have a label "worker" already',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    labels:\n      severity: mine',
      'rules.yaml:6: a: labels.severity: every alert has a label "severity" already',
    ],
    [
      'rules:\n  - name: a\n    metric: bubble_ratio\n    threshold: 1\n    keep_firing_for: 8d',
      'rules.yaml:5: a: keep_firing_for: must be at most 7d',
    ],
  ])('%j is refused with where and why', (text, message) => {
    expect(problems(text).join('\n')).toContain(message);
  });

  it('a circle through rules that are not in the file is found, too', () => {
    const text = 'rules:\n  - { name: a, metric: bubble_ratio, threshold: 1, explains: [b] }';
    const found = parseRules(text, 'rules.yaml', [
      { name: 'b', explains: ['c'] },
      { name: 'c', explains: ['a'] },
    ]);
    expect(found.problems.map(problemText)).toEqual([
      'rules.yaml:2: a: explains: goes round in a circle: a → b → c → a',
    ]);
    // Its own b stands in the place of the other one.
    const own = `${text}\n  - { name: b, metric: bubble_ratio, threshold: 1 }`;
    const others = [
      { name: 'b', explains: ['a'] },
      { name: 'c', explains: ['a'] },
    ];
    expect(parseRules(own, 'rules.yaml', others).problems).toEqual([]);
  });

  it('one bad rule does not hide the others, nor its other problems', () => {
    const text = `
rules:
  - name: good
    metric: bubble_ratio
    threshold: 0.3
  - name: bad
    metric: bubble_ratio
    threshold: much
    window: long
`;
    const parsed = parseRules(text, 'rules.yaml');
    expect(parsed.rules.map(({ name }) => name)).toEqual(['good']);
    expect(parsed.problems.map(({ line, key }) => `${line} ${key}`)).toEqual([
      '8 threshold',
      '9 window',
    ]);
  });

  it('a file that is not there is a problem, too', () => {
    expect(loadRuleFile('/nowhere/rules.yaml').problems.map(problemText)).toEqual([
      '/nowhere/rules.yaml:1: there is no such file; it should be a file of alert rules (YAML)',
    ]);
  });
});

describe('built-in rules', () => {
  const rules = builtinRules({ tpotTargetNs: 40e6 });

  it('are all on, with reasons, and words for people', () => {
    expect(rules.length).toBeGreaterThan(15);
    for (const rule of rules) {
      expect(rule).toMatchObject({ enabled: true });
      expect(rule.reason.length).toBeGreaterThan(40);
      expect(rule.annotations.summary).toBeTruthy();
      expect(rule.annotations.description).toBeTruthy();
    }
  });

  it('hold time per output token to the configured target', () => {
    const tpot = rules.find(({ name }) => name === 'tpot-over-target')!;
    expect(tpot.threshold).toBeCloseTo(0.044, 12);
    expect(tpot.recover).toBeCloseTo(0.042, 12);
  });

  it('a later rule of the same name takes their place', () => {
    const own = { ...rules[0]!, threshold: 99 };
    const merged = mergeRules(rules, [own]);
    expect(merged.map(({ name }) => name)).toEqual(
      builtinRules({ tpotTargetNs: 50e6 }).map(({ name }) => name),
    );
    expect(merged[0]).toBe(own);
  });
});

it('paths into the report are those of its schema', () => {
  const paths = reportPaths();
  expect(paths).toContain('balance.taNs');
  expect(paths).toContain('layers.ffnNs.p99');
  expect(paths).toContain('groups.causes.peerQueueNs');
  expect(paths).toContain('quality.rejected.*');
  expect(paths).toContain('clock.domains.errorNs');
  expect(paths).not.toContain('window.startUnixNs');
});

it('a pattern without quotes is a problem of the file, and a value of the wrong kind one of its key', () => {
  expect(problems('rules:\n  - name: a\n    where: { deployment: *-prod }\n').join()).toMatch(
    /needs quotes/,
  );
  const wrong = problems('rules:\n  - { name: a, metric: bubble_ratio, threshold: high }\n').join();
  expect(wrong).toContain('threshold');
  expect(wrong).not.toContain('is missing');
});
