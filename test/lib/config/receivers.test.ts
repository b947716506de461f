import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { checkReceiversFile } from '#collector/notify/receivers-check.ts';
import { setupOf } from '#collector/notify/receivers-setup.ts';
import { parseMatcher } from '#lib/config/matcher-text.ts';
import { checkReceivers, isReceiversFile, type Receivers } from '#lib/config/receivers.ts';

const FILE = '/etc/afdscope/receivers.yaml';

function read(yaml: string): Receivers {
  const file = checkReceivers(yaml, FILE);
  if (!file.ok) throw new Error(file.error.join('\n'));
  return file.value;
}

function problemsOf(yaml: string): readonly string[] {
  const file = checkReceivers(yaml, FILE);
  if (file.ok) throw new Error('this file was accepted');
  return file.error;
}

const HOOK = '{name: hook, kind: webhook, url: "https://hooks.example/a"}';
const ROUTES = 'routes: [{receiver: hook}]';

describe('the file', () => {
  test('of the documentation is accepted without warnings', () => {
    const path = join(import.meta.dirname, '../../../afdscope.receivers.example.yaml');
    const file = read(readFileSync(path, 'utf8'));
    expect(file.warnings).toEqual([]);
    expect(setupOf(file, path).ok).toBe(true);
    const kinds = new Set(file.receivers.map(({ kind }) => kind));
    expect([...kinds].sort()).toEqual(['alertmanager', 'email', 'pagerduty', 'slack', 'webhook']);
  });

  test('is told from a file of rules', () => {
    expect(isReceiversFile(`receivers: [${HOOK}]`)).toBe(true);
    expect(isReceiversFile('# who\nroutes:\n  - receiver: a\nreceivers: [')).toBe(true);
    expect(isReceiversFile('rules:\n  - name: a\n    labels: {receivers: x}')).toBe(false);
  });

  test('is checked as the collector reads it', () => {
    expect(checkReceiversFile(`receivers: [${HOOK}]\n${ROUTES}`, FILE)).toEqual({
      receivers: 1,
      routes: 1,
      problems: [],
      warnings: [],
    });
    const bad = `receivers: [${HOOK}]\nroutes: [{receiver: hook, matchers: ["a=~(b)\\\\1"]}]`;
    expect(checkReceiversFile(bad, FILE).problems.length).toBe(1);
  });

  test('has defaults', () => {
    const { receivers, routes, folder } = read(`receivers: [${HOOK}]\n${ROUTES}`);
    expect(folder).toBe('/etc/afdscope');
    expect(receivers).toEqual([
      { name: 'hook', kind: 'webhook', url: 'https://hooks.example/a', headers: {}, max_alerts: 0 },
    ]);
    expect(routes).toEqual([
      {
        receiver: 'hook',
        matchers: [],
        continue: false,
        group_by: ['deployment', 'alertname'],
        group_wait: 10_000,
        group_interval: 60_000,
        repeat_interval: 14_400_000,
        send_resolved: true,
      },
    ]);
  });

  test('calls alertname rule, too', () => {
    const { routes } = read(`receivers: [${HOOK}]
routes: [{receiver: hook, group_by: [rule], matchers: ["rule=hang"]}, {receiver: hook}]`);
    expect(routes[0]).toMatchObject({
      group_by: ['alertname'],
      matchers: [{ name: 'alertname', value: 'hang' }],
    });
  });

  test.each([
    ['receivers: [', 'receivers.yaml: not valid YAML'],
    ['routes: []', 'receivers.yaml: receivers: is missing'],
    [
      `receivers: [${HOOK}]\nroutes: [{receiver: hok}]`,
      'route 1: receiver: there is no receiver "hok"; did you mean hook?',
    ],
    [
      `receivers: [${HOOK}, ${HOOK}]\n${ROUTES}`,
      'receiver "hook": name: there are two of this name',
    ],
    [
      `receivers: [{name: x, kind: sms}]\n${ROUTES}`,
      'receiver "x": kind: write webhook, slack, pagerduty, email or alertmanager',
    ],
    [
      `receivers: [{name: x, kind: slack, url: "https://hooks.slack.com/services/T/B/secret"}]\n${ROUTES}`,
      'receiver "x": url: write {env: NAME} or {file: PATH}; a secret is never written into this file',
    ],
    [`receivers: [{name: x, kind: pagerduty}]\n${ROUTES}`, 'receiver "x": routing_key: '],
    [
      `receivers: [{name: x, kind: webhook, url: "https://kim:pw@hooks.example/"}]\n${ROUTES}`,
      'receiver "x": url: write a URL such as https://hooks.example/alerts, without a user or password in it',
    ],
    [
      `receivers: [{name: hook, kind: webhook, url: "https://h.example", colour: red}]\n${ROUTES}`,
      'receiver "hook": colour: unknown key',
    ],
    [
      `receivers: [${HOOK}]\nroutes: [{receiver: hook, group_wait: soon}]`,
      'route 1: group_wait: write a duration',
    ],
    [
      `receivers: [${HOOK}]\nroutes: [{receiver: hook, repeat_interval: 5s}]`,
      'route 1: repeat_interval: must be at least 1m',
    ],
    [
      `receivers: [${HOOK}]\nroutes: [{receiver: hook, matchers: [severity]}]`,
      'route 1: matchers.0: write a matcher',
    ],
    [
      `receivers: [${HOOK}]\nroutes: [{receiver: hook, matchers: ["a=~(b"]}]`,
      'route 1: matchers.0: "(b" is not a regular expression',
    ],
    [
      `receivers: [${HOOK}]\nroutes: [{receiver: hook, group_by: ["...", a]}]`,
      'route 1: group_by: "..." means all labels',
    ],
    [
      `receivers: [{name: m, kind: email, from: a@b.example, to: [c], smtp: {host: h}}]\n${ROUTES}`,
      'receiver "m": to.0: write an e-mail address',
    ],
    [
      `receivers: [{name: hook, kind: email, from: a@b.example, to: [c@d.example], smtp: {host: h, username: u}}]\n${ROUTES}`,
      'receiver "hook": smtp: username and password belong together',
    ],
    [
      `receivers: [{name: hook, kind: email, from: a@b.example, to: [c@d.example], smtp: {host: h, tls: none, username: u, password: {env: P}}}]\n${ROUTES}`,
      'receiver "hook": smtp.tls: "none" would send the password in the clear',
    ],
    [
      `receivers: [{name: hook, kind: webhook, url: {env: U}, rate_limit: {messages: 0, per: 1m}}]\n${ROUTES}`,
      'receiver "hook": rate_limit.messages: ',
    ],
  ])('%s', (yaml, problem) => {
    const problems = problemsOf(yaml);
    expect(problems.join('\n')).toContain(problem);
    for (const line of problems) expect(line.startsWith(`${FILE}: `)).toBe(true);
    expect(problems.join('\n')).not.toMatch(/secret"|pw@/);
  });

  test('warns of what is told to nobody', () => {
    const { warnings } = read(`receivers: [${HOOK}, {name: idle, kind: webhook, url: {env: U}}]
routes: [{receiver: hook, matchers: [severity=critical]}]`);
    expect(warnings).toEqual([
      `${FILE}: receiver "idle": no route names it; it is told nothing`,
      `${FILE}: routes: the last one has matchers; an alert that matches no route is told to nobody`,
    ]);
    const shadowed = read(`receivers: [${HOOK}]
routes: [{receiver: hook}, {receiver: hook, group_by: [worker]}]`);
    expect(shadowed.warnings[0]).toContain('route 1: takes every alert');
  });

  test('a pattern that would take exponential time is no danger, one that cannot be read is a problem', () => {
    const file = read(
      `receivers: [${HOOK}]\nroutes: [{receiver: hook, matchers: ["worker=~(a)\\\\1"]}]`,
    );
    const setup = setupOf(file, FILE);
    expect(setup.ok ? '' : setup.error.join('\n')).toContain(
      `${FILE}: route 1: matchers: worker: `,
    );
  });
});

describe('matchers', () => {
  test.each([
    ['a=b', 'a', 'b', false, true],
    ['a = "b c"', 'a', 'b c', false, true],
    ['a!="x\\"y\\\\z\\n"', 'a', 'x"y\\z\n', false, false],
    ['a=~"x|y"', 'a', 'x|y', true, true],
    ['a!~x.*', 'a', 'x.*', true, false],
    ['a=', 'a', '', false, true],
  ])('%s', (text, name, value, isRegex, isEqual) => {
    expect(parseMatcher(text)).toEqual({ ok: true, value: { name, value, isRegex, isEqual } });
  });

  test.each(['', 'a', '1a=b', 'a=="b"c"', 'a=~"["'])('refused: %s', (text) => {
    expect(parseMatcher(text).ok).toBe(false);
  });
});

test('a text that begins with a star and has no quotes is a problem of the file', () => {
  expect(problemsOf('receivers:\n  - { name: a, kind: webhook, url: *-hook }\n').join()).toMatch(
    /not valid YAML/,
  );
});
