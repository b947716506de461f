/** Rules and receivers files that change, and break, while a collector runs. */
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { rulesAnswerSchema } from '#lib/api/alert-rules.ts';
import { alertsSchema, receiversSchema } from '#lib/api/alerts.ts';
import { scratchFolder } from '#test/support/scratch-folder.ts';
import { RunningCollector } from './running-collector.ts';

const PATIENT = { timeout: 60_000, interval: 100 };
/** Fires on what is wrong with the files themselves. */
const MINE = `
rules:
  - name: mine
    metric: condition
    where: { condition: receivers-file }
    threshold: 0
    window: 1s
    aggregate: last
`;
const OTHER = MINE.replace('name: mine', 'name: other');
const RECEIVERS = `
receivers: [{ name: hook, kind: webhook, url: "http://127.0.0.1:9/" }]
routes: [{ receiver: hook }]
`;

test('a broken file keeps the old one in force and is told; one without mistakes counts by itself', async () => {
  const folder = scratchFolder();
  const rulesFile = join(folder, 'rules.yaml');
  const receiversFile = join(folder, 'receivers.yaml');
  writeFileSync(rulesFile, MINE);
  writeFileSync(receiversFile, 'receivers: 7');
  const collector = await new RunningCollector(join(folder, 'data'), {
    AFDSCOPE_ALERTS_RULES: rulesFile,
    AFDSCOPE_ALERTS_RECEIVERS: receiversFile,
  }).start();
  const ask = async (path: string): Promise<unknown> =>
    (await fetch(`${collector.admin}${path}`)).json();
  const stateOf = async (name: string) => {
    const { alerts } = alertsSchema.parse(await ask('/api/alerts'));
    return alerts.find(({ rule }) => rule === name)?.state;
  };
  const problems = async () => rulesAnswerSchema.parse(await ask('/api/alerts/rules')).problems;
  await collector.conditions('receivers-file');
  expect((await collector.ready()).httpStatus).toBe(200);
  expect(collector.told('receivers-file')[0]!.message).toContain('nobody is told of alerts');
  await expect.poll(() => stateOf('mine'), PATIENT).toBe('firing');

  writeFileSync(rulesFile, `${OTHER}    no_such_key: 1\n`);
  await collector.conditions('rules-file', 'receivers-file');
  expect((await problems()).join('\n')).toMatch(
    /no_such_key[\s\S]*Meanwhile the rules that were read before/,
  );
  const { conditions } = await collector.ready();
  expect(conditions[0]!.detail).toContain('rules.yaml:');
  expect(await stateOf('mine')).toBe('firing');

  writeFileSync(rulesFile, OTHER);
  await collector.conditions('receivers-file');
  expect(await problems()).toEqual([]);
  await expect.poll(() => stateOf('mine'), PATIENT).toBe('resolved');
  await expect.poll(() => stateOf('other'), PATIENT).toBe('firing');

  writeFileSync(receiversFile, RECEIVERS);
  await collector.conditions();
  const receivers = receiversSchema.parse(await ask('/api/alerts/receivers'));
  expect(receivers).toMatchObject({ receivers: [{ name: 'hook' }], problem: null });
  await expect.poll(() => stateOf('other'), PATIENT).toBe('resolved');
}, 180_000);
