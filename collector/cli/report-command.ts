/** `afdscope report`: the report of a window from the store, as the HTTP API answers it, or for people. */
import { unixNanosFromMs } from '#lib/base/units.ts';
import { formatAddress } from '#lib/config/quantities.ts';
import { readVersion } from '#lib/config/read-version.ts';
import { PartThread } from '#lib/query/part-thread.ts';
import { postmortemFacts } from '#lib/query/postmortem.ts';
import { setupFacts } from '#lib/query/postmortem-setup.ts';
import { MAX_RAW_EVENTS, report } from '#lib/query/report.ts';
import { reportJson } from '#lib/query/report-json.ts';
import { openStateReader } from '#lib/store/open-store.ts';
import type { CommandIo } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { formatReport } from './print-report.ts';
import { withStore } from './with-store.ts';
import { ownZone, wantsReport, writeReports } from './write-report.ts';

export async function reportCommand(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  if (wantsReport(options)) return postmortemCommand(io, options);
  const answer = await withStore(io, options, (reader, question, { store, dataDir }) => {
    const now = unixNanosFromMs(Date.now());
    const threadFile = new URL(import.meta.resolve('#lib/query/query-worker.ts'));
    const startHelper = () => new PartThread(threadFile, { store, dataDir });
    return report(reader, question, now, MAX_RAW_EVENTS, startHelper);
  });
  io.print(options.json === true ? JSON.stringify(reportJson(answer)) : formatReport(answer));
  return 0;
}

/** `--html FILE`, `--md FILE`: what happened in the window, as a file to send round. */
async function postmortemCommand(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const setup = setupFacts(readVersion(io.root), config, 'of this command');
  const url = textOption(options, 'url') ?? `http://${formatAddress(config.web)}`;
  const zone = textOption(options, 'zone') ?? ownZone();
  const facts = await withStore(io, options, async (reader, question, { store, dataDir }) => {
    const state = await openStateReader({ data: dataDir, store });
    try {
      const asked = { ...question, url, zone, setup, conditions: null };
      return await postmortemFacts(reader, state, asked, unixNanosFromMs(Date.now()));
    } finally {
      await state.close();
    }
  });
  await writeReports(io, options, facts);
  return 0;
}
