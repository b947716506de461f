/**
 * The command line. Results go to stdout, messages to stderr; exit code 0 done, 1 the thing failed,
 * 2 wrong usage.
 */
import { spawnSync } from 'node:child_process';
import { join } from 'node:path';
import { Command, CommanderError } from 'commander';
import { readVersion } from '#collector/collector-process.ts';
import { analyzeCommand } from './analyze-command.ts';
import { CommandError, type CommandIo, UsageError } from './command-io.ts';
import { ALL_CONFIG_KEYS, addConfigOptions, loadCommandConfig } from './config-options.ts';
import { runChecks } from './doctor.ts';
import { reportCommand } from './report-command.ts';
import { runCollectorCommand, runDemo, runUp, runWeb } from './serve-commands.ts';
import { formatTable } from './text-table.ts';

/** Resolves to the exit code. `args` without the program's name. */
export async function runCli(args: readonly string[]): Promise<number> {
  const io: CommandIo = {
    env: process.env,
    cwd: process.cwd(),
    root: join(import.meta.dirname, '..', '..'),
    print: (text) => process.stdout.write(`${text}\n`),
    say: (text) => process.stderr.write(`${text}\n`),
  };
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

function buildProgram(io: CommandIo, finish: (exitCode: number) => void): Command {
  const program = new Command('afdscope')
    .description('Always-on profiler and dashboard for Attention-FFN disaggregated LLM serving')
    .version(readVersion(io.root))
    .showHelpAfterError('(add --help for the usage)')
    .exitOverride();
  const command = (usage: string, about: string) => program.command(usage).description(about);
  type Run = (io: CommandIo, options: Record<string, unknown>) => Promise<number>;
  const serve = (name: string, about: string, run: Run) =>
    addConfigOptions(command(name, about), ALL_CONFIG_KEYS).action(async (options) =>
      finish(await run(io, options)),
    );

  serve('up', 'run the collector and the dashboard', runUp);
  serve('demo', 'up, with a simulated cluster that reports to it (data in data/demo)', runDemo)
    .option('--scenario <name>', 'healthy, ffn-bound, latency-bound or strict')
    .option('--attention <count>', 'attention workers')
    .option('--ffn <count>', 'FFN workers')
    .option('--report-every <steps>', 'one step in so many is reported')
    .option('--seed <number>', 'of the random numbers')
    .option('--control-port <port>', 'where faults are switched; 0 picks a free one')
    .option('--no-web', 'without the dashboard');
  serve('collector', 'run the collector alone', runCollectorCommand);
  serve('web', 'run the dashboard alone, on the data of a collector', runWeb);

  command('analyze <files...>', 'report on OTLP files (JSON, JSON lines, protobuf; .gz, .zst)')
    .option('--from <time>', 'unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'likewise')
    .option('--deployment <name>', 'where the files hold several')
    .option('--json', 'the report as JSON instead of tables')
    .action(async (files: string[], options) => finish(await analyzeCommand(io, files, options)));

  addConfigOptions(command('report', 'report from the store'), ['data', 'store'])
    .option('--from <time>', 'unix ns, RFC 3339, or relative to now (-5m)')
    .option('--to <time>', 'likewise')
    .option('--deployment <name>', 'where the store holds several')
    .option('--json', 'the report as JSON instead of tables')
    .action(async (options) => finish(await reportCommand(io, options)));

  addConfigOptions(command('doctor', 'check what a start needs and what runs'), ALL_CONFIG_KEYS)
    .option('--json', 'as JSON')
    .action(async (options) => finish(await doctorCommand(io, options)));

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

async function doctorCommand(io: CommandIo, options: Record<string, unknown>): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const nodeVersion = process.versions.node;
  const checks = await runChecks({ config, root: io.root, nodeVersion, nowUnixMs: Date.now() });
  const failed = checks.some(({ state }) => state === 'failed');
  if (options.json === true) {
    io.print(JSON.stringify({ ok: !failed, checks }, null, 2));
  } else {
    const columns = [{ title: 'check' }, { title: 'state' }, { title: 'detail' }];
    const rows = checks.map(({ name, state, detail }) => [name, state, detail]);
    io.print(formatTable(columns, rows).join('\n'));
  }
  return failed ? 1 : 0;
}

/** Says what went wrong, without a stack where the message is enough. */
function exitCodeOf(error: unknown, io: CommandIo): number {
  // Commander has printed its message, or the help that was asked for.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2;
  if (error instanceof UsageError) {
    io.say(error.message);
    return 2;
  }
  if (error instanceof CommandError) {
    io.say(`afdscope: ${error.message}`);
    return 1;
  }
  io.say(error instanceof Error ? (error.stack ?? error.message) : String(error));
  return 1;
}

if (import.meta.main) process.exitCode = await runCli(process.argv.slice(2));
