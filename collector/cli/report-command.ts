/** `afdscope report`: the report of a window from the store, as the HTTP API answers it. */
import { unixNanosFromMs } from '#lib/base/units.ts';
import { PartThread } from '#lib/query/part-thread.ts';
import { MAX_RAW_EVENTS, report } from '#lib/query/report.ts';
import { reportJson } from '#lib/query/report-json.ts';
import type { CommandIo } from './command-io.ts';
import { formatReport } from './print-report.ts';
import { withStore } from './with-store.ts';

export async function reportCommand(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const answer = await withStore(io, options, (reader, question, { store, dataDir }) => {
    const now = unixNanosFromMs(Date.now());
    const threadFile = new URL(import.meta.resolve('#lib/query/query-worker.ts'));
    const startHelper = () => new PartThread(threadFile, { store, dataDir });
    return report(reader, question, now, MAX_RAW_EVENTS, startHelper);
  });
  io.print(options.json === true ? JSON.stringify(reportJson(answer)) : formatReport(answer));
  return 0;
}
