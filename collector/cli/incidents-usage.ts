/** The commands under `afdscope incidents`. What they do is loaded when one runs. */
import type { Command } from 'commander';
import type { CommandIo } from './command-io.ts';
import { addConfigOptions } from './config-options.ts';

const KEYS = ['data', 'store', 'retention.rawBytes', 'alerts.recordBytes'];

export function addIncidentCommands(
  program: Command,
  io: CommandIo,
  finish: (exitCode: number) => void,
): void {
  const incidents = program
    .command('incidents')
    .description('what the flight recorder keeps: list, show, freeze, resolve, release, report');
  const command = (usage: string, about: string, keys: readonly string[] = ['data', 'store']) =>
    addConfigOptions(incidents.command(usage).description(about), keys);
  const load = () => import('./incidents-command.ts');

  command('list', 'incidents, the newest first')
    .option('--deployment <name>', 'of this deployment only')
    .option('--status <status>', 'open, acknowledged or resolved')
    .option('--limit <count>', 'at most so many (default 200)')
    .option('--json', 'as JSON')
    .action(async (options) => finish(await (await load()).listIncidentsCommand(io, options)));

  command('show <id>', 'one incident: its window, report, alerts and notes')
    .option('--json', 'as JSON, with the whole report')
    .action(async (id, options) =>
      finish(await (await load()).showIncidentCommand(io, id, options)),
    );

  command('freeze', 'keep a window from retention as an incident', KEYS)
    .option('--last <duration>', 'so long, up to now (default 5m)')
    .option('--from <time>', 'or from here: unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'up to here (default: now)')
    .option('--deployment <name>', 'where the store holds several')
    .option('--title <text>', 'what to call it')
    .option('--note <text>', 'what you saw')
    .option('--author <name>', 'who says so (default: the account)')
    .option('--json', 'as JSON')
    .action(async (options) => finish(await (await load()).freezeCommand(io, options)));

  const changes = [
    ['acknowledge', 'somebody looks at it', { status: 'acknowledged' }],
    ['resolve', 'it is over and understood', { status: 'resolved' }],
    ['reopen', 'it is not', { status: 'open' }],
    ['release', 'give its raw events to retention; the report stays', { release: true }],
  ] as const;
  for (const [name, about, change] of changes) {
    command(`${name} <id>`, about, KEYS)
      .option('--note <text>', 'why')
      .option('--author <name>', 'who says so (default: the account)')
      .option('--json', 'as JSON')
      .action(async (id, options) =>
        finish(await (await load()).changeIncidentCommand(io, id, change, options)),
      );
  }

  command('note <id>', 'add a note', KEYS)
    .requiredOption('--note <text>', 'what there is to say')
    .option('--author <name>', 'who says so (default: the account)')
    .option('--json', 'as JSON')
    .action(async (id, options) =>
      finish(await (await load()).changeIncidentCommand(io, id, {}, options)),
    );

  command('delete <id>', 'delete it, its report and its notes', KEYS).action(async (id, options) =>
    finish(await (await load()).deleteIncidentCommand(io, id, options)),
  );

  command('report <id>', 'its post-mortem report, with alerts and notes, as a file', [
    'data',
    'store',
    'web',
  ])
    .option('--html <file>', 'one HTML file; - is stdout')
    .option('--md <file>', 'the same as Markdown')
    .option('--url <address>', 'where links in it lead (default: http:// and the key web)')
    .option('--zone <name>', 'time zone of its local times, such as Europe/Berlin')
    .action(async (id, options) =>
      finish(await (await load()).incidentReportCommand(io, id, options)),
    );
}
