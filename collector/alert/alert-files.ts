/**
 * The rules file and the receivers file, as they are in force. Both are read at the start and again when they
 * change; one with a mistake leaves what was in force before, and says so: condition, log, page.
 */
import { loadSetup, NO_SETUP, type NotifySetup } from '#collector/notify/receivers-setup.ts';
import type { ConditionBoard } from '#collector/observe/condition-board.ts';
import type { Logger } from '#collector/observe/log.ts';
import type { StandingRule } from '#lib/alert/rule-list.ts';
import type { Config } from '#lib/config/load-config.ts';
import { standingRules } from '#lib/query/alert-rules.ts';

export interface AlertFilesOptions {
  readonly config: Config['alerts'];
  readonly board: Pick<ConditionBoard, 'begin' | 'end'>;
  readonly log: Pick<Logger, 'warn' | 'info'>;
}

export interface StandingState {
  readonly standing: readonly StandingRule[];
  /** What is wrong with the file, and what is in force all the same; empty: nothing is wrong. */
  readonly problems: readonly string[];
}

export interface ReceiversState {
  readonly setup: NotifySetup;
  /** Lines; null: nothing is wrong. */
  readonly problem: string | null;
}

/** At the start a file's good rules hold. */
export function firstRules(options: AlertFilesOptions): StandingState {
  const read = standingRules(options.config);
  tell(options, 'rules-file', read.problems, 'its other rules hold');
  return read;
}

/** After a change: all of the file holds, or `before` does. */
export function changedRules(options: AlertFilesOptions, before: StandingState): StandingState {
  const read = standingRules(options.config);
  const kept = 'the rules that were read before stay in force';
  tell(options, 'rules-file', read.problems, kept);
  if (read.problems.length > 0) {
    return { standing: before.standing, problems: [...read.problems, `Meanwhile ${kept}.`] };
  }
  options.log.info(`alert rules were read again from ${options.config.rulesFile}`);
  return read;
}

/** A file that cannot be used must not keep the collector from storing: nobody is told, and it says so. */
export function firstReceivers(options: AlertFilesOptions): ReceiversState {
  return readReceivers(options, NO_SETUP, 'nobody is told of alerts');
}

/** After a change: all of the file holds, or `before` does. */
export function changedReceivers(
  options: AlertFilesOptions,
  before: ReceiversState,
): ReceiversState {
  const hasNone = before.setup.receivers.length === 0;
  const kept = hasNone
    ? 'nobody is told of alerts'
    : 'the receivers that were read before stay in force';
  const read = readReceivers(options, before.setup, kept);
  if (read.problem === null) {
    options.log.info(`receivers were read again from ${options.config.receiversFile}`);
  }
  return read;
}

function readReceivers(
  options: AlertFilesOptions,
  before: NotifySetup,
  meanwhile: string,
): ReceiversState {
  const file = options.config.receiversFile;
  if (file === null) return { setup: NO_SETUP, problem: null };
  const loaded = loadSetup(file);
  tell(options, 'receivers-file', loaded.ok ? [] : loaded.error, meanwhile);
  if (!loaded.ok) {
    return { setup: before, problem: [...loaded.error, `Meanwhile ${meanwhile}.`].join('\n') };
  }
  for (const warning of loaded.value.warnings) options.log.warn(warning);
  return { setup: loaded.value, problem: null };
}

function tell(
  { board, log }: AlertFilesOptions,
  condition: 'rules-file' | 'receivers-file',
  problems: readonly string[],
  meanwhile: string,
): void {
  const [first, ...others] = problems;
  if (first === undefined) {
    board.end(condition);
    return;
  }
  for (const problem of problems) log.warn(problem);
  const more = others.length === 0 ? '' : `, and ${others.length} more`;
  board.begin(condition, `${first}${more}; ${meanwhile}`);
}
