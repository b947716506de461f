/** How durations, sizes and addresses are written in the configuration. */
import { err, ok, type Result } from '#lib/base/result.ts';
import { NS_PER_MS, NS_PER_S } from '#lib/base/units.ts';

const NS_PER_UNIT: Readonly<Record<string, number>> = {
  ms: NS_PER_MS,
  s: NS_PER_S,
  m: 60 * NS_PER_S,
  h: 3600 * NS_PER_S,
  d: 86_400 * NS_PER_S,
  w: 7 * 86_400 * NS_PER_S,
};

/** Ten years; nanoseconds in a double are then good to 64 ns, which no retention notices. */
const MAX_DURATION_NS = 10 * 365 * 86_400 * NS_PER_S;

/**
 * Nanoseconds of "90d", "2h", "1h30m", "500ms".
 * The error says what is allowed; it does not repeat the value.
 */
export function parseDuration(text: string): Result<number, string> {
  const allowed = 'write a duration such as 30s, 15m, 2h, 90d or 1h30m';
  const trimmed = text.trim();
  if (!/^(?:\d+(?:\.\d+)?(?:ms|s|m|h|d|w))+$/.test(trimmed)) return err(allowed);
  let totalNs = 0;
  for (const [, amount, unit] of trimmed.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d|w)/g)) {
    totalNs += Number(amount) * NS_PER_UNIT[unit ?? '']!;
  }
  totalNs = Math.round(totalNs);
  if (totalNs <= 0) return err(`${allowed}, longer than nothing`);
  if (totalNs > MAX_DURATION_NS) return err(`${allowed}, at most 3650d`);
  return ok(totalNs);
}

const BYTES_PER_UNIT: Readonly<Record<string, number>> = {
  b: 1,
  kb: 1e3,
  mb: 1e6,
  gb: 1e9,
  tb: 1e12,
  kib: 2 ** 10,
  mib: 2 ** 20,
  gib: 2 ** 30,
  tib: 2 ** 40,
};

/** Bytes of "20GB" (10^9), "64MiB" (2^20) or a bare number of bytes. Units in any case. */
export function parseSize(text: string): Result<number, string> {
  const allowed = 'write a size such as 512MB, 20GB or 64MiB';
  const match = /^(\d+(?:\.\d+)?)\s*([kmgt]?i?b)?$/i.exec(text.trim());
  const bytesPerUnit = BYTES_PER_UNIT[(match?.[2] ?? 'b').toLowerCase()];
  if (match === null || bytesPerUnit === undefined) return err(allowed);
  const bytes = Math.round(Number(match[1]) * bytesPerUnit);
  if (bytes <= 0) return err(`${allowed}, larger than nothing`);
  if (!Number.isSafeInteger(bytes)) return err(`${allowed}, at most 9000TB`);
  return ok(bytes);
}

/** Where a server listens. Port 0 picks a free one. */
export interface Address {
  readonly host: string;
  readonly port: number;
}

/** "127.0.0.1:4318", "localhost:0", "[::1]:4317". */
export function parseAddress(text: string): Result<Address, string> {
  const allowed = 'write host:port, such as 127.0.0.1:4318 (port 0 picks a free one)';
  const match = /^(?:\[([0-9a-f:.%a-z]+)\]|([a-z0-9._-]+)):(\d{1,5})$/i.exec(text.trim());
  const host = match?.[1] ?? match?.[2];
  if (match === null || host === undefined) return err(allowed);
  const port = Number(match[3]);
  if (port > 65_535) return err(`${allowed}; ports end at 65535`);
  return ok({ host, port });
}

/** The form that `parseAddress` reads. */
export function formatAddress({ host, port }: Address): string {
  return host.includes(':') ? `[${host}]:${port}` : `${host}:${port}`;
}
