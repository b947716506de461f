/** `up`, `demo`, `web`, `collector`: the commands that run until they are told to stop. */
import { existsSync } from 'node:fs';
import { join } from 'node:path';
import type { SuperviseOptions } from '#collector/supervise/supervisor.ts';
import type { Config, LoadedConfig } from '#lib/config/load-config.ts';
import { CommandError, type CommandIo } from './command-io.ts';
import { loadCommandConfig } from './config-options.ts';

type Options = Readonly<Record<string, unknown>>;

type Serve = (io: CommandIo, options: Options) => Promise<number>;

/** By the command's name. */
export const serveCommands: Readonly<Record<'up' | 'demo' | 'collector' | 'web', Serve>> = {
  up: runUp,
  demo: runDemo,
  collector: runCollector,
  web: runWeb,
};

async function runUp(io: CommandIo, options: Options): Promise<number> {
  requireBuiltApp(io);
  const { config } = loadCommandConfig(io, options);
  return superviseWith(io, config, { parts: { collector: true, web: true } });
}

async function runWeb(io: CommandIo, options: Options): Promise<number> {
  requireBuiltApp(io);
  const { config } = loadCommandConfig(io, options);
  return superviseWith(io, config, { parts: { collector: false, web: true } });
}

/** `up` with a simulated cluster that reports to it, in a data folder of its own. */
async function runDemo(io: CommandIo, options: Options): Promise<number> {
  const web = options.web !== false;
  if (web) requireBuiltApp(io);
  const loaded = loadCommandConfig(io, options);
  const config = demoConfig(loaded);
  const isDefaultFolder = config.dataDir !== loaded.config.dataDir;
  return superviseWith(io, config, {
    parts: { collector: true, web },
    simulate: simulateArgs(options),
    notes: [
      'The workers are simulated; docs/simulated-cluster.md says how to switch faults.',
      ...(isDefaultFolder ? ['Demo data is kept apart from real data, in data/demo.'] : []),
      'Ctrl-C stops everything.',
    ],
  });
}

async function runCollector(io: CommandIo, options: Options): Promise<number> {
  const { config } = loadCommandConfig(io, options);
  const { runCollectorProcess } = await import('#collector/collector-process.ts');
  return runCollectorProcess({ config, env: io.env, root: io.root, supervised: false });
}

/** Simulated events must not mix with real ones: without a word about it they have their folder. */
export function demoConfig({ config, origins }: LoadedConfig): Config {
  return origins.has('data') ? config : { ...config, dataDir: join(config.dataDir, 'demo') };
}

async function superviseWith(
  io: CommandIo,
  config: Config,
  options: Pick<SuperviseOptions, 'parts'> & Partial<SuperviseOptions>,
): Promise<number> {
  const { supervise } = await import('#collector/supervise/supervisor.ts');
  return supervise({
    config,
    root: io.root,
    env: io.env,
    simulate: null,
    notes: ['Ctrl-C stops everything.'],
    print: io.print,
    say: io.say,
    ...options,
  });
}

const SIMULATE_FLAGS = ['scenario', 'attention', 'ffn', 'reportEvery', 'seed', 'controlPort'];

/** The flags of the simulated cluster that were given, as its process takes them. */
export function simulateArgs(options: Options): string[] {
  const given = SIMULATE_FLAGS.flatMap((name) => {
    const value = options[name];
    const flag = `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
    return typeof value === 'string' ? [flag, value] : [];
  });
  return options.packed === true ? [...given, '--packed'] : given;
}

function requireBuiltApp(io: CommandIo): void {
  if (existsSync(join(io.root, '.next', 'BUILD_ID'))) return;
  throw new CommandError('the dashboard is not built: start with bin/afdscope.js or npm run build');
}
