/** `afdscope analyze FILE…`: the report of telemetry files, without a store. */
import { unixNanosFromMs } from '#lib/base/units.ts';
import { analyzeFiles } from '#lib/query/analyze-files.ts';
import { reportJson } from '#lib/query/report-json.ts';
import type { CommandIo } from './command-io.ts';
import { textOption } from './config-options.ts';
import { countText } from './figures.ts';
import { formatReport } from './print-report.ts';
import { asCommandError } from './query-errors.ts';

export async function analyzeCommand(
  io: CommandIo,
  paths: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const question = {
    from: textOption(options, 'from'),
    to: textOption(options, 'to'),
    deployment: textOption(options, 'deployment'),
  };
  const now = unixNanosFromMs(Date.now());
  const { report, files } = await analyzeFiles(paths, question, now).catch(asCommandError);
  for (const message of files.rejectedMessages) io.say(message);
  if (report.quality.events === 0) {
    io.say(
      `no AFD events in the window: ${countText(files.received)} items in ${files.files.length} files, ` +
        `${countText(files.rejectedCount)} refused`,
    );
  }
  io.print(options.json === true ? JSON.stringify(reportJson(report)) : formatReport(report));
  return 0;
}
