/** `afdscope alerts check` and `alerts test`: rules and what they would have said, without a collector. */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import {
  type ReplayResult,
  replayAlerts,
  type TelemetryFeed,
} from '#collector/alert/alert-replay.ts';
import {
  type AlertTest,
  checkExpectations,
  isAlertTestFile,
  parseAlertTests,
} from '#collector/alert/alert-tests.ts';
import { RecordedFeed } from '#collector/alert/recorded-feed.ts';
import { scenarioFeed, scenarioInputSchema } from '#collector/alert/replay-input.ts';
import { builtinRules, loadRuleFile, mergeRules } from '#lib/alert/builtin-rules.ts';
import { problemText, type RuleProblem } from '#lib/alert/parse-rules.ts';
import { type AlertRule, durationMs } from '#lib/api/alert-rules.ts';
import { unixMsFromNanos, unixNanosFromMs } from '#lib/base/units.ts';
import { checkReceivers } from '#lib/config/receivers.ts';
import { readQuestionFiles } from '#lib/query/analyze-files.ts';
import { loadWindow } from '#lib/query/load-events.ts';
import { windowOrNewest } from '#lib/query/window.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { CommandError, type CommandIo, UsageError } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { formatAlertChanges, jsonAlertChanges } from './print-alerts.ts';
import { asCommandError } from './query-errors.ts';
import { withStore } from './with-store.ts';

type Options = Readonly<Record<string, unknown>>;

/** Events of the store that are replayed at most: about a gigabyte of memory. */
const MAX_STORED_EVENTS = 10_000_000;

interface Checked {
  readonly path: string;
  readonly what: string;
  readonly problems: readonly string[];
}

/** Files of rules, of receivers and of tests: every problem, a line each; 1 where there is one. */
export function alertsCheckCommand(
  io: CommandIo,
  paths: readonly string[],
  options: Options,
): number {
  const checked = paths.map(checkFile);
  if (options.json === true) {
    io.print(JSON.stringify({ files: checked }));
  } else {
    for (const { path, what, problems } of checked) {
      for (const problem of problems) io.print(problem);
      if (problems.length === 0) io.print(`${path}: ${what}, no problem`);
    }
  }
  return checked.every(({ problems }) => problems.length === 0) ? 0 : 1;
}

/** What kind of file it is, its first keys tell. */
function checkFile(path: string): Checked {
  const text = readIfThere(path);
  if (text !== null && /^(?:receivers|routes)\s*:/m.test(text)) {
    const receivers = checkReceivers(text, path);
    const problems = receivers.ok ? receivers.value.warnings : receivers.error;
    return { path, what: 'receivers', problems };
  }
  if (text !== null && isAlertTestFile(text)) {
    const tests = parseAlertTests(text, path);
    return { path, what: 'tests', problems: tests.ok ? [] : tests.error };
  }
  const { rules, problems } = loadRuleFile(path);
  return { path, what: `${rules.length} rules`, problems: problems.map(problemText) };
}

function readIfThere(path: string): string | null {
  try {
    return readFileSync(path, 'utf8');
  } catch {
    return null;
  }
}

/** `files`: recorded events, where they are not those of a scenario or a store. */
export async function alertsTestCommand(
  io: CommandIo,
  rulesPath: string,
  files: readonly string[],
  options: Options,
): Promise<number> {
  if (rulesPath !== 'builtin') {
    const text = readText(rulesPath);
    if (isAlertTestFile(text)) return runTestFile(io, rulesPath, text, options);
  }
  const own = rulesPath === 'builtin' ? [] : rulesOf([rulesPath]);
  const rules =
    options.only === true && rulesPath !== 'builtin' ? own : withBuiltIn(io, own, options);
  const feed = await chosenFeed(io, files, options);
  const result = await replayAlerts(rules, feed);
  if (result.looks === 0) io.say('no figures came of these events: nothing could fire');
  if (result.leftOut > 0) io.say(`${result.leftOut} alerts more than there is room for`);
  io.print(
    options.json === true
      ? JSON.stringify(answer(rules, feed, result))
      : text(feed, result, options),
  );
  return 0;
}

async function runTestFile(
  io: CommandIo,
  path: string,
  text: string,
  options: Options,
): Promise<number> {
  const parsed = parseAlertTests(text, path);
  if (!parsed.ok) throw new CommandError(parsed.error.join('\n'));
  const folder = dirname(resolve(io.cwd, path));
  const own = rulesOf(parsed.value.rules.map((file) => resolve(folder, file)));
  const rules = parsed.value.builtin ? withBuiltIn(io, own, options) : own;
  const results = [];
  for (const test of parsed.value.tests) {
    const feed = await feedOfTest(io, test, folder, options);
    const result = await replayAlerts(rules, feed);
    const failures = checkExpectations(
      test,
      result.changes,
      unixMsFromNanos(feed.fromUnixNs) + faultMs(test),
    );
    results.push({ name: test.name, failures });
    if (options.json === true) continue;
    io.print(`${failures.length === 0 ? 'ok    ' : 'FAILED'} ${test.name}`);
    for (const failure of failures) io.print(`         ${failure}`);
    if (failures.length > 0)
      for (const line of formatAlertChanges(result.changes, feed.fromUnixNs, true))
        io.print(`         ${line}`);
  }
  const failed = results.filter(({ failures }) => failures.length > 0).length;
  if (options.json === true) io.print(JSON.stringify({ tests: results }));
  else io.print(`${results.length - failed} of ${results.length} tests passed`);
  return failed === 0 ? 0 : 1;
}

function faultMs({ input }: AlertTest): number {
  return 'files' in input ? 0 : durationMs(input.fault_from)!;
}

async function feedOfTest(
  io: CommandIo,
  test: AlertTest,
  folder: string,
  options: Options,
): Promise<TelemetryFeed> {
  const { input } = test;
  if ('files' in input) {
    const paths = input.files.map((file) => resolve(folder, file));
    return fileFeed(io, paths, { ...options, deployment: input.deployment });
  }
  const feed = scenarioFeed(input);
  if (!feed.ok) throw new CommandError(`${test.name}: ${feed.error}`);
  return feed.value;
}

async function chosenFeed(
  io: CommandIo,
  files: readonly string[],
  options: Options,
): Promise<TelemetryFeed> {
  const isScenario =
    textOption(options, 'scenario') !== undefined || textOption(options, 'fault') !== undefined;
  const isStore = textOption(options, 'data') !== undefined;
  if (Number(isScenario) + Number(isStore) + Number(files.length > 0) > 1) {
    throw new UsageError('replay one thing: a --scenario, FILES, or a store with --data');
  }
  if (files.length > 0) return fileFeed(io, files, options);
  return isStore ? storeFeed(io, options) : scenarioOfFlags(options);
}

function scenarioOfFlags(options: Options): TelemetryFeed {
  const faultText = textOption(options, 'fault');
  const number = (name: string): number | undefined => {
    const given = textOption(options, name);
    return given === undefined ? undefined : Number(given);
  };
  const parsed = scenarioInputSchema.safeParse({
    scenario: textOption(options, 'scenario') ?? 'healthy',
    attention: number('attention'),
    ffn: number('ffn'),
    layers: number('layers'),
    seed: number('seed'),
    duration: textOption(options, 'duration'),
    fault_from: textOption(options, 'faultFrom'),
    fault_for: textOption(options, 'faultFor'),
    fault: faultText === undefined ? undefined : faultJson(faultText),
  });
  if (!parsed.success) {
    const lines = parsed.error.issues.map(({ path, message }) => {
      const [first, ...rest] = path.map(String);
      return `--${String(first).replace('_', '-')}${rest.length > 0 ? `: ${rest.join('.')}` : ''}: ${message}`;
    });
    throw new UsageError(lines.join('\n'));
  }
  const feed = scenarioFeed(parsed.data);
  if (!feed.ok) throw new UsageError(`--${feed.error}`);
  return feed.value;
}

function faultJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw new UsageError(
      `--fault: not JSON; write for instance '{"slowRank":{"role":"ffn","rank":2,"factor":1.3}}'`,
    );
  }
}

async function fileFeed(
  io: CommandIo,
  paths: readonly string[],
  options: Options,
): Promise<TelemetryFeed> {
  const question = {
    deployment: textOption(options, 'deployment'),
    kernels: loadCommandConfig(io, options).config.kernels,
  };
  const files = await readQuestionFiles(paths, question).catch(asCommandError);
  for (const message of files.rejectedMessages) io.say(message);
  return recorded(files.events, `the ${paths.length} files hold no AFD events`);
}

function storeFeed(io: CommandIo, options: Options): Promise<TelemetryFeed> {
  return withStore(io, options, async (reader, question) => {
    const window = windowOrNewest(question, unixNanosFromMs(Date.now()));
    const { tables, complete } = await loadWindow(
      reader,
      question.deployment,
      window,
      MAX_STORED_EVENTS,
      0,
    );
    if (!complete) {
      throw new CommandError(
        'the window holds more than 10 million events; narrow --from and --to',
      );
    }
    return recorded(
      tables,
      'the store has no raw events in this window (retention.raw says how long they are kept)',
    );
  });
}

function recorded(tables: readonly EventTable[], otherwise: string): RecordedFeed {
  if (tables.every(({ length }) => length === 0)) throw new CommandError(otherwise);
  return new RecordedFeed(tables);
}

function withBuiltIn(io: CommandIo, own: readonly AlertRule[], options: Options): AlertRule[] {
  const { tpotTargetNs } = loadCommandConfig(io, options).config.alerts;
  return mergeRules(builtinRules({ tpotTargetNs }), own);
}

function rulesOf(paths: readonly string[]): AlertRule[] {
  const read = paths.map(loadRuleFile);
  const problems: RuleProblem[] = read.flatMap((one) => one.problems);
  if (problems.length > 0) throw new CommandError(problems.map(problemText).join('\n'));
  return mergeRules(...read.map(({ rules }) => rules));
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? String(error.code) : 'error';
    throw new CommandError(
      `${path} cannot be read (${code}); name a file of rules or tests, or builtin for the built-in rules`,
    );
  }
}

function text(feed: TelemetryFeed, { changes }: ReplayResult, options: Options): string {
  const isSimulated = !(feed instanceof RecordedFeed);
  const shown =
    options.pending === true
      ? changes
      : changes.filter(({ change }) => change !== 'pending' && change !== 'dropped');
  if (shown.length === 0) return 'no alert would have fired';
  return formatAlertChanges(shown, feed.fromUnixNs, isSimulated).join('\n');
}

function answer(
  rules: readonly AlertRule[],
  feed: TelemetryFeed,
  { changes, looks }: ReplayResult,
) {
  return {
    rules: rules.length,
    fromUnixMs: unixMsFromNanos(feed.fromUnixNs),
    toUnixMs: unixMsFromNanos(feed.toUnixNs),
    looks,
    changes: jsonAlertChanges(changes),
  };
}
