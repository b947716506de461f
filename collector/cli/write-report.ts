/** Post-mortem reports as files: what `--html` and `--md` of a command name. */
import { writeFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { postmortemFile } from '#lib/query/postmortem.ts';
import { type CommandIo, UsageError } from './command-io.ts';
import { textOption } from './config-options.ts';
import { writeWholeFile } from './whole-file.ts';

const FORMATS = ['html', 'md'] as const;
type Facts = Parameters<typeof postmortemFile>[0];

/** Is a report asked for? @throws UsageError where what is asked for cannot be had together */
export function wantsReport(options: Readonly<Record<string, unknown>>): boolean {
  const asked = FORMATS.filter((format) => textOption(options, format) !== undefined);
  if (asked.length === 0) return false;
  if (options.json === true) {
    throw new UsageError(`--json is for machines, --${asked[0]} for people: give one of them`);
  }
  if (asked.length > 1 && asked.every((format) => textOption(options, format) === '-')) {
    throw new UsageError('--html - and --md - would be mixed: name a file for one of them');
  }
  return true;
}

/** To the files that are named; `-` is stdout. A file appears whole or not at all. */
export async function writeReports(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
  facts: Facts,
): Promise<void> {
  for (const format of FORMATS) {
    const target = textOption(options, format);
    if (target === undefined) continue;
    const { text } = postmortemFile(facts, format);
    if (target === '-') {
      io.print(text.trimEnd());
      continue;
    }
    const path = resolve(io.cwd, target);
    await writeWholeFile(path, (target, flag) => writeFile(target, text, { flag }));
    io.say(`wrote ${path}`);
  }
}

/** Of this machine: the reader's, more often than not. */
export function ownZone(): string {
  return Intl.DateTimeFormat().resolvedOptions().timeZone;
}
