/**
 * The command line. Results go to stdout, messages to stderr; exit code 0 done, 1 the thing failed,
 * 2 wrong usage.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { readVersion } from '#lib/config/read-version.ts';
import { compileSoundly } from '../../bin/process-settings.js';
import { CommandError, type CommandIo, UsageError } from './command-io.ts';
import { ALL_CONFIG_KEYS, addConfigOptions } from './config-options.ts';
import { addIncidentCommands } from './incidents-usage.ts';
import { printable } from './printable.ts';

type ServeCommand = 'up' | 'demo' | 'collector' | 'web';

/** Resolves to the exit code. `args` without the program's name. */
export async function runCli(args: readonly string[]): Promise<number> {
  const io: CommandIo = {
    env: process.env,
    cwd: process.cwd(),
    root: join(import.meta.dirname, '..', '..'),
    print: (text) => process.stdout.write(`${text}\n`),
    say: (text) => process.stderr.write(`${text}\n`),
  };
  watchOutput(io, args[0] ?? '');
  let exitCode = 0;
  const program = buildProgram(io, (code) => {
    exitCode = code;
  });
  try {
    await program.parseAsync([...args], { from: 'user' });
    return exitCode;
  } catch (error) {
    return exitCodeOf(error, io);
  }
}

/** Who serves goes on without a terminal; results that nobody can take end their command. */
function watchOutput(io: CommandIo, command: string): void {
  const serves = ['up', 'demo', 'collector', 'web'].includes(command);
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (serves) return;
    // A reader that has seen enough (`| head`) needs no message.
    if (error.code !== 'EPIPE') io.say(`afdscope: not all could be written: ${error.message}`);
    process.exit(1);
  });
  // There is nowhere left to tell it.
  process.stderr.on('error', () => undefined);
}

function buildProgram(io: CommandIo, finish: (exitCode: number) => void): Command {
  const program = new Command('afdscope')
    .description('Always-on profiler and dashboard for Attention-FFN disaggregated LLM serving')
    .version(readVersion(io.root))
    .showHelpAfterError('(add --help for the usage)')
    .exitOverride();
  const command = (usage: string, about: string) => program.command(usage).description(about);
  // What a command needs is loaded when it runs: help and errors come at once.
  const serve = (name: ServeCommand, about: string) =>
    addConfigOptions(command(name, about), ALL_CONFIG_KEYS).action(async (options) => {
      const { serveCommands } = await import('./serve-commands.ts');
      finish(await serveCommands[name](io, options));
    });

  serve('up', 'run the collector and the dashboard');
  serve('demo', 'up, with a simulated cluster that reports to it (data in data/demo)')
    .option('--scenario <name>', 'healthy, ffn-bound, latency-bound or strict')
    .option('--attention <count>', 'attention workers')
    .option('--ffn <count>', 'FFN workers')
    .option('--report-every <steps>', 'one step in so many is reported')
    .option('--packed', 'packed steps: one span for each step of a worker')
    .option('--seed <number>', 'of the random numbers')
    .option('--control-port <port>', 'where faults are switched; 0 picks a free one')
    .option('--no-web', 'without the dashboard');
  serve('collector', 'run the collector alone');
  serve('web', 'run the dashboard alone, on the data of a collector');

  addConfigOptions(
    command(
      'analyze <files...>',
      'report on OTLP files (JSON, JSON lines, protobuf), Chrome/Kineto traces or archives; .gz, .zst',
    ),
    ['kernels'],
  )
    .option('--from <time>', 'unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'likewise')
    .option('--deployment <name>', 'where the files hold several')
    .option('--json', 'the report as JSON instead of tables')
    .option('--html <file>', 'a post-mortem report for people as one HTML file; - is stdout')
    .option('--md <file>', 'the same as Markdown')
    .option('--zone <name>', 'time zone of its local times, such as Europe/Berlin')
    .action(async (files: string[], options) => {
      const { analyzeCommand } = await import('./analyze-command.ts');
      finish(await analyzeCommand(io, files, options));
    });

  addConfigOptions(command('report', 'report from the store'), ['data', 'store'])
    .option('--from <time>', 'unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'likewise')
    .option('--deployment <name>', 'where the store holds several')
    .option('--json', 'the report as JSON instead of tables')
    .option('--html <file>', 'a post-mortem report for people as one HTML file; - is stdout')
    .option('--md <file>', 'the same as Markdown')
    .option('--url <address>', 'where links in it lead (default: http:// and the key web)')
    .option('--zone <name>', 'time zone of its local times, such as Europe/Berlin')
    .action(async (options) => {
      const { reportCommand } = await import('./report-command.ts');
      finish(await reportCommand(io, options));
    });

  addConfigOptions(
    command(
      'whatif [files...]',
      'replay recorded steps with changes: of OTLP files or traces, or of the store',
    ),
    ['data', 'store', 'kernels'],
  )
    .option('--set <change>', CHANGES_HELP, collect)
    .option('--from <time>', 'unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'likewise')
    .option('--deployment <name>', 'where there are several')
    .option('--json', 'as JSON instead of a table')
    .action(async (files: string[], options) => {
      const { whatifCommand } = await import('./whatif-command.ts');
      finish(await whatifCommand(io, files, options));
    });

  addConfigOptions(
    command(
      'compare <a> <b>',
      'two runs side by side: files or folders, or with --data deployments and windows',
    ),
    ['data', 'store', 'kernels'],
  )
    .option('--deployment <name>', 'where files hold several')
    .option('--fail-on-regression <percent>', 'exit 1 where B is slower per step by more than that')
    .option('--json', 'as JSON instead of tables')
    .addHelpText('after', COMPARE_HELP)
    .action(async (a: string, b: string, options) => {
      const { compareCommand } = await import('./compare-command.ts');
      finish(await compareCommand(io, [a, b], options));
    });

  addConfigOptions(
    command(
      'import <files...>',
      'recordings into the store: OTLP files, GPU traces, archives, folders',
    ),
    ['data', 'store', 'kernels'],
  )
    .option('--deployment <name>', 'what to call it; default: what the files say, or their name')
    .option('--json', 'as JSON instead of a table')
    .action(async (files: string[], options) => {
      const { importCommand } = await import('./import-command.ts');
      finish(await importCommand(io, files, options));
    });

  addConfigOptions(command('export', 'a window of the store as a file'), ['data', 'store'])
    .option('--format <name>', 'what to write; an unknown one lists them')
    .option('--from <time>', 'unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'likewise')
    .option('--deployment <name>', 'where the store holds several')
    .option('--incident <id>', 'its window, and in archives its notes')
    .option('--workers <ids>', 'such as attention/0,ffn/1; all where absent')
    .option('--stages <names>', 'such as expert,a2f_send; all where absent (not for archives)')
    .option('--set <name=value>', 'an option of the format; several times for several', collect)
    .option(
      '-o, --output <file>',
      'where to; - is stdout, .gz and .zst compress (default: its own name, here)',
    )
    .option('--json', 'path and size as JSON')
    .action(async (options) => {
      const { exportCommand } = await import('./export-command.ts');
      finish(await exportCommand(io, options));
    });

  const alerts = command(
    'alerts',
    'check alert rules, and try them on what was or on a simulation',
  );
  alerts
    .command('check <files...>')
    .description('every problem of files of rules, receivers and tests')
    .option('--json', 'as JSON')
    .action(async (files: string[], options) => {
      const { alertsCheckCommand } = await import('./alerts-command.ts');
      finish(alertsCheckCommand(io, files, options));
    });
  addConfigOptions(
    alerts
      .command('test <rules> [files...]')
      .description(
        'what rules would have said: of recorded files, of the store, of a simulated scenario; ' +
          'or run a test file. <rules>: a file, beside the built-in ones, or "builtin"',
      ),
    ['data', 'store', 'kernels', 'alerts.tpotTarget'],
  )
    .option('--only', 'without the built-in rules')
    .option('--scenario <name>', 'healthy, ffn-bound, latency-bound or strict (default: healthy)')
    .option('--fault <json>', 'as PUT /faults of the simulated cluster takes it')
    .option('--fault-from <duration>', 'after the start (default 30s)')
    .option('--fault-for <duration>', 'how long it lasts (default: to the end)')
    .option('--duration <duration>', 'of the simulation (default 3m)')
    .option('--attention <count>', 'attention workers (default 8)')
    .option('--ffn <count>', 'FFN workers (default 4)')
    .option('--layers <count>', 'layers (default 61); fewer are faster')
    .option('--seed <number>', 'of the random numbers')
    .option('--from <time>', 'unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'likewise')
    .option('--deployment <name>', 'where there are several')
    .option('--pending', 'what did not come to fire, too')
    .option('--json', 'as JSON instead of a table')
    .addHelpText('after', ALERTS_HELP)
    .action(async (rules: string, files: string[], options) => {
      const { alertsTestCommand } = await import('./alerts-command.ts');
      finish(await alertsTestCommand(io, rules, files, options));
    });

  addIncidentCommands(program, io, finish);

  addConfigOptions(command('doctor', 'check what a start needs and what runs'), ALL_CONFIG_KEYS)
    .option('--json', 'as JSON')
    .action(async (options) => {
      const { doctorCommand } = await import('./doctor-command.ts');
      finish(await doctorCommand(io, options));
    });

  command('bench [names...]', 'run the benchmarks, or those whose file name holds a name').action(
    (names: string[]) => {
      const task = join(io.root, 'bin', 'task.js');
      const { status } = spawnSync(process.execPath, [task, 'bench', ...names], {
        stdio: 'inherit',
      });
      finish(status ?? 1);
    },
  );
  return program;
}

const CHANGES_HELP =
  'ratio=12A4F, microbatches=3, batch=0.5, network=0.5, fix=attention/2, experts=level or ' +
  'stage:expert=0.8; several times for several changes';

const COMPARE_HELP = `
B is measured against A. Examples:
  afdscope compare before.json.gz after.json.gz
  afdscope compare run-1/ run-2/ --json
  afdscope compare base.json new.json --fail-on-regression 3
  afdscope compare --data data prod@-10m..-5m prod@-5m..now
  afdscope compare --data data prod@2026-11-27T14:00:00Z..2026-11-27T14:05:00Z canary@-5m`;

const ALERTS_HELP = `
Examples:
  afdscope alerts test builtin --scenario ffn-bound
  afdscope alerts test my-rules.yaml --fault '{"slowRank":{"role":"ffn","rank":2,"factor":1.3}}'
  afdscope alerts test my-rules.yaml traces.json.gz
  afdscope alerts test my-rules.yaml --data data --deployment prod --from -1h
  afdscope alerts test my-tests.yaml`;

/** An option that may come several times. */
function collect(value: string, before: readonly string[] = []): string[] {
  return [...before, value];
}

/** Says what went wrong, without a stack where the message is enough. */
function exitCodeOf(error: unknown, io: CommandIo): number {
  // Commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    io.say(printable(error.message));
    return 2;
  }
  if (error instanceof CommandError) {
    io.say(printable(`afdscope: ${error.message}`));
    return 1;
  }
  io.say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}

if (import.meta.main) {
  compileSoundly();
  process.exitCode = await runCli(process.argv.slice(2));
}
