/** `afdscope analyze FILE… --html FILE`, `--md FILE`: what happened in the files, as a file for people. */
import { unixNanosFromMs } from '#lib/base/units.ts';
import { readVersion } from '#lib/config/read-version.ts';
import { postmortemOfFiles } from '#lib/query/postmortem-files.ts';
import { setupFacts } from '#lib/query/postmortem-setup.ts';
import type { CommandIo } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { asCommandError } from './query-errors.ts';
import { ownZone, writeReports } from './write-report.ts';

export async function analyzePostmortem(
  io: CommandIo,
  paths: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const question = {
    from: textOption(options, 'from'),
    to: textOption(options, 'to'),
    deployment: textOption(options, 'deployment'),
    kernels: loadCommandConfig(io, options).config.kernels,
    zone: textOption(options, 'zone') ?? ownZone(),
    setup: setupFacts(readVersion(io.root), null, ''),
  };
  const now = unixNanosFromMs(Date.now());
  const { facts, files } = await postmortemOfFiles(paths, question, now).catch(asCommandError);
  for (const message of files.rejectedMessages) io.say(message);
  await writeReports(io, options, facts);
  return 0;
}
