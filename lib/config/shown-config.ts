/** The configuration for people's eyes: every key as it would be written, without secrets. */
import { type Config, configToEnv } from './load-config.ts';
import { configKeys } from './schema.ts';

export interface ShownKey {
  readonly key: string;
  readonly value: string;
}

export function shownConfig(config: Config): ShownKey[] {
  const variables = configToEnv(config);
  const written: Readonly<Record<string, string>> = {
    store: withoutSecrets(config.store),
    'retention.raw': durationText(config.retention.rawNs),
    'retention.rawBytes': sizeText(config.retention.rawBytes),
    'retention.rollups': durationText(config.retention.rollupsNs),
    'limits.bodyBytes': sizeText(config.limits.bodyBytes),
    'limits.bytesInFlight': sizeText(config.limits.bytesInFlight),
  };
  return configKeys.map(({ key, variable }) => ({
    key,
    value: written[key] ?? variables[variable] ?? '',
  }));
}

/** A URL without its user, password, query and fragment. */
export function withoutSecrets(store: string): string {
  if (!/^\w+:\/\//.test(store) || !URL.canParse(store)) return store;
  const { protocol, host, pathname } = new URL(store);
  return `${protocol}//${host}${pathname}`;
}

const DURATION_UNITS = [
  ['d', 86_400e9],
  ['h', 3600e9],
  ['m', 60e9],
  ['s', 1e9],
] as const;

/** In the largest unit that is whole. */
function durationText(ns: number): string {
  const unit = DURATION_UNITS.find(([, unitNs]) => ns % unitNs === 0);
  return unit === undefined ? `${ns / 1e6}ms` : `${ns / unit[1]}${unit[0]}`;
}

const SIZE_UNITS = [
  ['TB', 1e12],
  ['GB', 1e9],
  ['MB', 1e6],
  ['GiB', 2 ** 30],
  ['MiB', 2 ** 20],
  ['KiB', 2 ** 10],
] as const;

function sizeText(bytes: number): string {
  const unit = SIZE_UNITS.find(([, unitBytes]) => bytes % unitBytes === 0);
  return unit === undefined ? `${bytes}B` : `${bytes / unit[1]}${unit[0]}`;
}
