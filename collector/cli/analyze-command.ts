/** `afdscope analyze FILE…`: the report of telemetry files and GPU traces, without a store. */
import { unixNanosFromMs } from '#lib/base/units.ts';
import { analyzeFiles } from '#lib/query/analyze-files.ts';
import { reportJson } from '#lib/query/report-json.ts';
import { analyzePostmortem } from './analyze-postmortem.ts';
import type { CommandIo } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { countText } from './figures.ts';
import { formatRecognition } from './print-recognition.ts';
import { formatReport } from './print-report.ts';
import { asCommandError } from './query-errors.ts';
import { wantsReport } from './write-report.ts';

export async function analyzeCommand(
  io: CommandIo,
  paths: readonly string[],
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  if (wantsReport(options)) return analyzePostmortem(io, paths, options);
  const question = {
    from: textOption(options, 'from'),
    to: textOption(options, 'to'),
    deployment: textOption(options, 'deployment'),
    kernels: loadCommandConfig(io, options).config.kernels,
  };
  const now = unixNanosFromMs(Date.now());
  const { report, files } = await analyzeFiles(paths, question, now).catch(asCommandError);
  for (const message of files.rejectedMessages) io.say(message);
  const { recognition } = files;
  if (recognition !== null) io.say(formatRecognition(recognition));
  if (report.quality.events === 0) {
    io.say(
      `no AFD events in the window: ${countText(files.received)} items in ${files.files.length} files, ` +
        `${countText(files.rejectedCount)} refused`,
    );
  }
  const json = () =>
    JSON.stringify({
      ...reportJson(report),
      ...(recognition === null ? {} : { import: recognition }),
    });
  io.print(options.json === true ? json() : formatReport(report));
  return 0;
}
