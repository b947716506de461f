/** `afdscope report`: the report of a window from the store, as the HTTP API answers it. */
import { unixNanosFromMs } from '#lib/base/units.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { PartThread } from '#lib/query/part-thread.ts';
import { MAX_RAW_EVENTS, report } from '#lib/query/report.ts';
import { reportJson } from '#lib/query/report-json.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import { storeFailure } from '#lib/store/sqlite/store-failure.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { CommandError, type CommandIo, UsageError } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { formatReport } from './print-report.ts';
import { asCommandError } from './query-errors.ts';

export async function reportCommand(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  let damaged = 0;
  const reader = await openTelemetryReader({
    data: config.dataDir,
    store: config.store,
    unpacker: new PackedUnpacker(),
    onDamagedChunk: () => {
      damaged++;
    },
  }).catch(asCommandError);
  const failed = (error: unknown) => asCommandError(storeFailure(error, config.dataDir));
  try {
    const deployment =
      textOption(options, 'deployment') ??
      (await onlyDeployment(reader, config.dataDir).catch(failed));
    const from = textOption(options, 'from');
    const to = textOption(options, 'to');
    const now = unixNanosFromMs(Date.now());
    const question = { deployment, from, to };
    const { store, dataDir } = config;
    const threadFile = new URL(import.meta.resolve('#lib/query/query-worker.ts'));
    const startHelper = () => new PartThread(threadFile, { store, dataDir });
    const answer = await report(reader, question, now, MAX_RAW_EVENTS, startHelper).catch(failed);
    io.print(options.json === true ? JSON.stringify(reportJson(answer)) : formatReport(answer));
    if (damaged > 0) io.say(`${damaged} chunks of raw events are damaged and were left out`);
    return 0;
  } finally {
    await reader.close();
  }
}

async function onlyDeployment(reader: TelemetryReader, dataDir: string): Promise<string> {
  const names = (await reader.deployments()).map(({ deployment }) => deployment);
  const [first] = names;
  if (first === undefined) throw new CommandError(`no deployment has reported to ${dataDir} yet`);
  if (names.length === 1) return first;
  const some = names.slice(0, 20).join(' | ') + (names.length > 20 ? ' | …' : '');
  throw new UsageError(
    `the store holds ${names.length} deployments: choose one with --deployment ${some}`,
  );
}
