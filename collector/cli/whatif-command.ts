/** `afdscope whatif [FILE…]`: recorded steps replayed, as they are and with changes. */
import type { WhatifAnswer } from '#lib/api/whatif.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import { whatifFiles, whatifQuestion } from '#lib/query/whatif.ts';
import { type CommandIo, UsageError } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { formatWhatif } from './print-whatif.ts';
import { asCommandError } from './query-errors.ts';
import { withStore } from './with-store.ts';

/** 0 where steps could be replayed, else 1. */
export async function whatifCommand(
  io: CommandIo,
  paths: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const sets = Array.isArray(options.set) ? options.set.map(String) : [];
  const answer = await (paths.length === 0
    ? ofStore(io, options, sets)
    : ofFiles(io, paths, options, sets));
  if (answer.problem !== null) io.say(`afdscope: ${answer.problem}`);
  if (options.json === true) io.print(JSON.stringify(answer));
  else if (answer.result !== null) io.print(formatWhatif(answer));
  return answer.result === null ? 1 : 0;
}

function ofStore(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
  set: readonly string[],
): Promise<WhatifAnswer> {
  const now = unixNanosFromMs(Date.now());
  return withStore(io, options, (reader, question) =>
    whatifQuestion(reader, { ...question, set }, now),
  );
}

async function ofFiles(
  io: CommandIo,
  paths: readonly string[],
  options: Readonly<Record<string, unknown>>,
  sets: readonly string[],
): Promise<WhatifAnswer> {
  if (textOption(options, 'data') !== undefined) {
    throw new UsageError('name files, or a data folder with --data, not both');
  }
  const question = {
    from: textOption(options, 'from'),
    to: textOption(options, 'to'),
    deployment: textOption(options, 'deployment'),
    kernels: loadCommandConfig(io, options).config.kernels,
  };
  const now = unixNanosFromMs(Date.now());
  const { answer, files } = await whatifFiles(paths, question, sets, now).catch(asCommandError);
  for (const message of files.rejectedMessages) io.say(message);
  return answer;
}
