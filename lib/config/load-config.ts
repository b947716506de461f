/**
 * One checked configuration from, in rising order of precedence: defaults, the YAML file, the
 * environment, flags. The environment comes in as a parameter.
 *
 * Errors name where the value came from, the key, the value and what is allowed:
 *
 *     afdscope.yaml: otlp.http: "4318" is not allowed: write host:port, such as …
 */
import { readFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import { parse as parseYaml } from 'yaml';
import { closest } from '#lib/base/closest.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import { yamlProblem } from '#lib/base/yaml-problem.ts';
import { type Address, formatAddress } from './quantities.ts';
import { configKeys, fileSchema, internalVariables } from './schema.ts';

export interface Config {
  /** Absolute. */
  readonly dataDir: string;
  readonly store: string;
  readonly otlpHttp: Address;
  readonly otlpGrpc: Address;
  readonly corsOrigins: readonly string[];
  readonly admin: Address;
  readonly web: Address;
  /** Absolute path of a kernel table (docs/kineto.md); null: the built-in one alone. */
  readonly kernels: string | null;
  readonly retention: {
    readonly rawNs: number;
    readonly rawBytes: number;
    readonly rollupsNs: number;
  };
  readonly importMaxBytes: number;
  readonly alerts: AlertConfig;
  readonly limits: { readonly bodyBytes: number; readonly bytesInFlight: number };
}

export interface AlertConfig {
  /** Absolute path; null: the built-in rules alone. */
  readonly rulesFile: string | null;
  /** Absolute path; null: nobody is told. */
  readonly receiversFile: string | null;
  /** Without a slash at its end; null: the web address. */
  readonly externalUrl: string | null;
  readonly tpotTargetNs: number;
  readonly recordBeforeNs: number;
  readonly recordAfterNs: number;
  readonly recordBytes: number;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file that was read; null without one. */
  readonly file: string | null;
  /** Dotted keys that somebody set, with where: "afdscope.yaml", "AFDSCOPE_DATA", "--data". */
  readonly origins: ReadonlyMap<string, string>;
  /** Things that are probably mistakes, such as an unknown AFDSCOPE_ variable. */
  readonly warnings: readonly string[];
}

export interface ConfigSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** `--config`; without it `afdscope.yaml` in `cwd` is read if it is there; null: no file. */
  readonly file?: string | null | undefined;
  /** Values of flags by dotted key, and how the flag is called. */
  readonly flags?: Readonly<Record<string, string | undefined>>;
}

export const DEFAULT_CONFIG_FILE = 'afdscope.yaml';

/** All that is wrong, one line each. */
export type ConfigProblems = readonly string[];

type Tree = Record<string, unknown>;

/** Relative to the file that names them, or to the working folder. */
const PATH_KEYS = ['data', 'kernels', 'alerts.rules', 'alerts.receivers'];

export function loadConfig(sources: ConfigSources): Result<LoadedConfig, ConfigProblems> {
  const read = readConfigFile(sources);
  if (!read.ok) return err([read.error]);
  const { file, tree } = read.value;
  const origins = new Map<string, string>();
  const fileName = sources.file ?? DEFAULT_CONFIG_FILE;
  // Paths in the file are relative to it.
  const bases: Record<string, string> = {};
  for (const key of PATH_KEYS) bases[key] = sources.cwd;
  for (const { key } of configKeys) {
    if (getAt(tree, key) === undefined) continue;
    origins.set(key, fileName);
    if (key in bases && file !== null) bases[key] = dirname(file);
  }
  for (const { key, variable } of configKeys) {
    const value = sources.env[variable];
    if (value !== undefined && value !== '') overlay(key, value, variable);
  }
  for (const [key, value] of Object.entries(sources.flags ?? {})) {
    if (value !== undefined) overlay(key, value, flagName(key));
  }
  for (const { key, standard } of configKeys) {
    if (getAt(tree, key) === undefined) setAt(tree, key, standard);
  }

  function overlay(key: string, value: string, origin: string): void {
    setAt(tree, key, value);
    origins.set(key, origin);
    if (key in bases) bases[key] = sources.cwd;
  }

  const parsed = fileSchema.safeParse(tree);
  if (!parsed.success) {
    return err(
      parsed.error.issues.map((issue) => {
        const path = issue.path.map(String);
        if (issue.code === 'unrecognized_keys') {
          return issue.keys.map((key) => unknownKey(fileName, [...path, key])).join('\n');
        }
        const key = path.slice(0, 2).join('.');
        const value = getAt(tree, path.join('.'));
        const origin = origins.get(key) ?? fileName;
        const where = origin === fileName ? `${origin}: ${key}` : origin;
        return `${where}: ${JSON.stringify(value) ?? 'nothing'} is not allowed: ${issue.message}`;
      }),
    );
  }
  const values = parsed.data;
  const path = (key: string, value: string): string | null =>
    value === '' ? null : resolve(bases[key] ?? sources.cwd, value);
  return ok({
    config: {
      dataDir: path('data', values.data) ?? sources.cwd,
      store: values.store,
      otlpHttp: values.otlp.http,
      otlpGrpc: values.otlp.grpc,
      corsOrigins: values.otlp.corsOrigins,
      admin: values.admin,
      web: values.web,
      kernels: path('kernels', values.kernels),
      retention: {
        rawNs: values.retention.raw,
        rawBytes: values.retention.rawBytes,
        rollupsNs: values.retention.rollups,
      },
      importMaxBytes: values.import.maxBytes,
      alerts: {
        rulesFile: path('alerts.rules', values.alerts.rules),
        receiversFile: path('alerts.receivers', values.alerts.receivers),
        externalUrl:
          values.alerts.externalUrl === '' ? null : values.alerts.externalUrl.replace(/\/+$/, ''),
        tpotTargetNs: values.alerts.tpotTarget,
        recordBeforeNs: values.alerts.recordBefore,
        recordAfterNs: values.alerts.recordAfter,
        recordBytes: values.alerts.recordBytes,
      },
      limits: values.limits,
    },
    file,
    origins,
    warnings: unknownVariables(sources.env),
  });
}

/**
 * The variables that make `loadConfig` give the same configuration again (with `file: null`): how the supervisor hands it to its children.
 */
export function configToEnv(config: Config): Record<string, string> {
  return {
    AFDSCOPE_DATA: config.dataDir,
    AFDSCOPE_STORE: config.store,
    AFDSCOPE_OTLP_HTTP: formatAddress(config.otlpHttp),
    AFDSCOPE_OTLP_GRPC: formatAddress(config.otlpGrpc),
    AFDSCOPE_OTLP_CORS_ORIGINS: config.corsOrigins.join(','),
    AFDSCOPE_ADMIN: formatAddress(config.admin),
    AFDSCOPE_WEB: formatAddress(config.web),
    AFDSCOPE_KERNELS: config.kernels ?? '',
    AFDSCOPE_RETENTION_RAW: `${config.retention.rawNs / 1e6}ms`,
    AFDSCOPE_RETENTION_RAW_BYTES: String(config.retention.rawBytes),
    AFDSCOPE_RETENTION_ROLLUPS: `${config.retention.rollupsNs / 1e6}ms`,
    AFDSCOPE_IMPORT_MAX_BYTES: String(config.importMaxBytes),
    AFDSCOPE_ALERTS_RULES: config.alerts.rulesFile ?? '',
    AFDSCOPE_ALERTS_RECEIVERS: config.alerts.receiversFile ?? '',
    AFDSCOPE_ALERTS_EXTERNAL_URL: config.alerts.externalUrl ?? '',
    AFDSCOPE_ALERTS_TPOT_TARGET: `${config.alerts.tpotTargetNs / 1e6}ms`,
    AFDSCOPE_ALERTS_RECORD_BEFORE: `${config.alerts.recordBeforeNs / 1e6}ms`,
    AFDSCOPE_ALERTS_RECORD_AFTER: `${config.alerts.recordAfterNs / 1e6}ms`,
    AFDSCOPE_ALERTS_RECORD_BYTES: String(config.alerts.recordBytes),
    AFDSCOPE_LIMITS_BODY_BYTES: String(config.limits.bodyBytes),
    AFDSCOPE_LIMITS_BYTES_IN_FLIGHT: String(config.limits.bytesInFlight),
  };
}

/** "otlp.http" -> "--otlp-http". */
export function flagName(key: string): string {
  return `--${key.replaceAll('.', '-').replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}

function readConfigFile(
  sources: ConfigSources,
): Result<{ file: string | null; tree: Tree }, string> {
  if (sources.file === null) return ok({ file: null, tree: {} });
  const name = sources.file ?? DEFAULT_CONFIG_FILE;
  const path = resolve(sources.cwd, name);
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
    if (sources.file === undefined && code === 'ENOENT') return ok({ file: null, tree: {} });
    const what = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`;
    return err(`${name}: ${what}; --config names the configuration file (looked for ${path})`);
  }
  let tree: unknown;
  try {
    tree = parseYaml(text) ?? {};
  } catch (cause) {
    return err(`${name}: not valid YAML: ${yamlProblem(cause)}`);
  }
  if (!isTree(tree)) {
    return err(`${name}: expected keys such as "data: ./data", found ${JSON.stringify(tree)}`);
  }
  return ok({ file: path, tree: structuredClone(tree) });
}

function unknownKey(fileName: string, path: readonly string[]): string {
  const key = path.join('.');
  const known = configKeys.map((entry) => entry.key);
  const near = closest(key, known);
  const hint = near === null ? `known keys are ${known.join(', ')}` : `did you mean ${near}?`;
  return `${fileName}: ${key}: unknown key; ${hint}`;
}

function unknownVariables(env: ConfigSources['env']): string[] {
  const known = [...configKeys.map((entry) => entry.variable), ...internalVariables];
  return Object.keys(env)
    .filter((name) => name.startsWith('AFDSCOPE_') && !known.includes(name) && !isProbes(name))
    .map((name) => {
      const near = closest(name, known);
      return `${name} is set, but afdscope does not know it${near === null ? '' : `; did you mean ${near}?`}`;
    });
}

/** The Python probe's own variables may stand in the same environment: probe/README.md. */
function isProbes(name: string): boolean {
  return name === 'AFDSCOPE_PROBE' || name.startsWith('AFDSCOPE_PROBE_');
}

function isTree(value: unknown): value is Tree {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

/** An empty YAML key (`retention:`) is null and counts as not there. */
function getAt(tree: Tree, key: string): unknown {
  let node: unknown = tree;
  for (const part of key.split('.')) node = isTree(node) ? node[part] : undefined;
  return node ?? undefined;
}

/** Leaves a scalar where a group should be as it is: the schema says what is wrong with it. */
function setAt(tree: Tree, key: string, value: string): void {
  const parts = key.split('.');
  const last = parts.pop() ?? key;
  let node = tree;
  for (const part of parts) {
    const next = node[part] ?? {};
    if (!isTree(next)) return;
    node[part] = next;
    node = next;
  }
  node[last] = value;
}
