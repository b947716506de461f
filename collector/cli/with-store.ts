/** A question of the command line to the store, with errors in the words of a command. */
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { openTelemetryReader } from '#lib/store/open-store.ts';
import { storeFailure } from '#lib/store/sqlite/store-failure.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import { CommandError, type CommandIo, UsageError } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { asCommandError } from './query-errors.ts';

export interface StoreQuestion {
  readonly deployment: string;
  readonly from: string | undefined;
  readonly to: string | undefined;
}

/** Asks about `--deployment`, or the only one there is; says what was damaged. */
export async function withStore<T>(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
  ask: (
    reader: TelemetryReader,
    question: StoreQuestion,
    place: { readonly store: string; readonly dataDir: string },
  ) => Promise<T>,
): Promise<T> {
  return withReader(io, options, async (reader, config) => {
    const deployment =
      textOption(options, 'deployment') ?? (await onlyDeployment(reader, config.dataDir));
    const from = textOption(options, 'from');
    const to = textOption(options, 'to');
    return ask(reader, { deployment, from, to }, config);
  });
}

/** The same without a deployment in mind. */
export async function withReader<T>(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
  ask: (
    reader: TelemetryReader,
    place: { readonly store: string; readonly dataDir: string },
  ) => Promise<T>,
): Promise<T> {
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
    const answer = await ask(reader, config).catch(failed);
    if (damaged > 0) io.say(`${damaged} chunks of raw events are damaged and were left out`);
    return answer;
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
