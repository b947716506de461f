/** The configuration as flags: `--config` and one for every key that a command uses. */
import type { Command } from 'commander';
import { flagName, type LoadedConfig, loadConfig } from '#lib/config/load-config.ts';
import { configKeys } from '#lib/config/schema.ts';
import { type CommandIo, UsageError } from './command-io.ts';

/** Adds `--config` and the flags of `keys`, each with its default and variable in the help. */
export function addConfigOptions(command: Command, keys: readonly string[]): Command {
  command.option('--config <file>', 'configuration file (default: afdscope.yaml if it is there)');
  for (const { key, variable, standard, about } of configKeys) {
    if (!keys.includes(key)) continue;
    command.option(`${flagName(key)} <value>`, `${about} (${variable}, default ${standard})`);
  }
  return command;
}

/** All flags of the servers. */
export const ALL_CONFIG_KEYS: readonly string[] = configKeys
  .map(({ key }) => key)
  .filter((key) => key !== 'otlp.corsOrigins' && !/^(limits|import)\./.test(key));

/** @throws UsageError with a line for everything that is wrong */
export function loadCommandConfig(
  io: CommandIo,
  options: Readonly<Record<string, unknown>>,
): LoadedConfig {
  const flags = Object.fromEntries(
    configKeys.map(({ key }) => [key, textOption(options, camelCase(key))]),
  );
  const file = textOption(options, 'config');
  const loaded = loadConfig({ env: io.env, cwd: io.cwd, file, flags });
  if (!loaded.ok) throw new UsageError(loaded.error.join('\n'));
  for (const warning of loaded.value.warnings) io.say(`warning: ${warning}`);
  return loaded.value;
}

export function textOption(
  options: Readonly<Record<string, unknown>>,
  name: string,
): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** "otlp.http" -> "otlpHttp", as commander names the option. */
function camelCase(key: string): string {
  return key.replace(/\.(\w)/g, (_dot, letter: string) => letter.toUpperCase());
}
