/** `afdscope incidents …`: what the flight recorder keeps, and freezing a window by hand. */
import { userInfo } from 'node:os';
import { durationMs } from '#lib/api/alert-rules.ts';
import type { IncidentChange } from '#lib/api/incidents.ts';
import { unixNanosFromMs } from '#lib/base/units.ts';
import type { Config } from '#lib/config/load-config.ts';
import { formatAddress } from '#lib/config/quantities.ts';
import { readVersion } from '#lib/config/read-version.ts';
import { PackedUnpacker } from '#lib/ingest/packed-unpacker.ts';
import { incidentDetail, listIncidents } from '#lib/query/incidents.ts';
import { incidentPostmortem } from '#lib/query/postmortem-incident.ts';
import { setupFacts } from '#lib/query/postmortem-setup.ts';
import { parseInstant } from '#lib/query/window.ts';
import { openStateReader, openTelemetryReader } from '#lib/store/open-store.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import { type CommandIo, UsageError } from './command-io.ts';
import { loadCommandConfig, textOption } from './config-options.ts';
import { withIncidentWriter } from './incident-writer.ts';
import { formatIncident, formatIncidents } from './print-incidents.ts';
import { asCommandError } from './query-errors.ts';
import { withReader } from './with-store.ts';
import { ownZone, wantsReport, writeReports } from './write-report.ts';

type Options = Readonly<Record<string, unknown>>;

export async function listIncidentsCommand(io: CommandIo, options: Options): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const question = {
    deployment: textOption(options, 'deployment'),
    status: textOption(options, 'status'),
    limit: textOption(options, 'limit'),
  };
  const answer = await withState(config, (state) => listIncidents(state, question));
  io.print(options.json === true ? JSON.stringify(answer) : formatIncidents(answer.incidents));
  return 0;
}

export async function showIncidentCommand(
  io: CommandIo,
  incidentId: string,
  options: Options,
): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const detail = await withState(config, (state) => incidentDetail(state, { incidentId }));
  io.print(options.json === true ? JSON.stringify(detail) : formatIncident(detail));
  return 0;
}

export async function freezeCommand(io: CommandIo, options: Options): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const [last, from, to] = ['last', 'from', 'to'].map((name) => textOption(options, name));
  if (last !== undefined && from !== undefined) {
    throw new UsageError('--last 5m counts from the end, --from names the start: give one of them');
  }
  const lastMs = last === undefined ? undefined : durationMs(last);
  if (lastMs === null) throw new UsageError(`--last ${last}: write a duration such as 90s or 5m`);
  const now = unixNanosFromMs(Date.now());
  const instant = (name: string, text: string) =>
    String(parse(() => parseInstant(name, text, now)));
  // Where nothing was stored yet there is nothing to freeze, and no database is made for it.
  const deployment = await withReader(
    io,
    options,
    async (reader) => textOption(options, 'deployment') ?? onlyName(await reader.deployments()),
  );
  const title = textOption(options, 'title');
  const request = {
    deployment,
    ...(title === undefined ? {} : { title }),
    ...(lastMs === undefined ? {} : { lastSeconds: lastMs / 1000 }),
    ...(from === undefined ? {} : { fromUnixNs: instant('from', from) }),
    ...(to === undefined ? {} : { toUnixNs: instant('to', to) }),
    author: authorOf(options),
    note: textOption(options, 'note') ?? '',
  };
  const made = await withIncidentWriter(io, config, (writer) => writer.freeze(request)).catch(
    asCommandError,
  );
  if (options.json === true) io.print(JSON.stringify(made));
  else io.print(`${made.id}: ${made.title}; afdscope incidents show ${made.id}`);
  return 0;
}

/** `status`: what it becomes; absent: only a note, or `--release`. */
export async function changeIncidentCommand(
  io: CommandIo,
  incidentId: string,
  change: Pick<IncidentChange, 'status' | 'release'>,
  options: Options,
): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  await withState(config, (state) => incidentDetail(state, { incidentId }));
  const text = textOption(options, 'note');
  const note = text === undefined ? {} : { note: { author: authorOf(options), text } };
  const done = await withIncidentWriter(io, config, (writer) =>
    writer.change(incidentId, { ...change, ...note }),
  ).catch(asCommandError);
  io.print(options.json === true ? JSON.stringify(done) : formatIncidents([done]));
  return 0;
}

export async function deleteIncidentCommand(
  io: CommandIo,
  incidentId: string,
  options: Options,
): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  await withState(config, (state) => incidentDetail(state, { incidentId }));
  await withIncidentWriter(io, config, (writer) => writer.remove(incidentId)).catch(asCommandError);
  io.say(`deleted ${incidentId}; its raw events go to retention`);
  return 0;
}

/** The post-mortem report of the incident's window, with its alerts and notes. */
export async function incidentReportCommand(
  io: CommandIo,
  incidentId: string,
  options: Options,
): Promise<number> {
  if (!wantsReport(options)) throw new UsageError('name a file: --html FILE or --md FILE');
  const { config } = loadCommandConfig(io, options);
  const asked = {
    incidentId,
    setup: setupFacts(readVersion(io.root), config, 'of this command'),
    url: textOption(options, 'url') ?? `http://${formatAddress(config.web)}`,
    zone: textOption(options, 'zone') ?? ownZone(),
    conditions: null,
  };
  const facts = await withState(config, async (state) => {
    const place = { data: config.dataDir, store: config.store, unpacker: new PackedUnpacker() };
    const reader = await openTelemetryReader(place);
    try {
      return await incidentPostmortem(reader, state, asked, unixNanosFromMs(Date.now()));
    } finally {
      await reader.close();
    }
  });
  await writeReports(io, options, facts);
  return 0;
}

async function withState<T>(config: Config, ask: (state: StateStore) => Promise<T>): Promise<T> {
  const place = { data: config.dataDir, store: config.store };
  const state = await openStateReader(place).catch(asCommandError);
  try {
    return await ask(state).catch(asCommandError);
  } finally {
    await state.close();
  }
}

function onlyName(all: readonly { readonly deployment: string }[]): string {
  const [first] = all;
  if (first !== undefined && all.length === 1) return first.deployment;
  const names = all.slice(0, 20).map(({ deployment }) => deployment);
  throw new UsageError(
    names.length === 0
      ? 'no deployment has reported yet: there is nothing to freeze'
      : `choose one with --deployment ${names.join(' | ')}`,
  );
}

function parse<T>(work: () => T): T {
  try {
    return work();
  } catch (error) {
    return asCommandError(error);
  }
}

/** Who is told of beside a note; the account where nobody is named. */
function authorOf(options: Options): string {
  return textOption(options, 'author') ?? userInfo().username;
}
