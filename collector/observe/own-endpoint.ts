/** Would the collector send its own traces to itself? Every trace would then make another one. */
import { hostname, networkInterfaces } from 'node:os';
import type { Address } from '#lib/config/quantities.ts';

/** OpenTelemetry's variables that name an endpoint. */
const ENDPOINT_VARIABLES = [
  'OTEL_EXPORTER_OTLP_ENDPOINT',
  'OTEL_EXPORTER_OTLP_TRACES_ENDPOINT',
] as const;

/** Whether the environment asks for the collector's own traces. */
export function wantsTracing(env: Readonly<Record<string, string | undefined>>): boolean {
  return ENDPOINT_VARIABLES.some((name) => (env[name] ?? '') !== '');
}

/** A line that says what to do where an endpoint is one of the collector's listeners; else null. */
export function findOwnEndpoint(
  env: Readonly<Record<string, string | undefined>>,
  listeners: readonly Address[],
): string | null {
  for (const name of ENDPOINT_VARIABLES) {
    const text = env[name] ?? '';
    if (text === '') continue;
    const endpoint = parseEndpoint(text);
    if (endpoint === null) continue; // the exporter says what is wrong with it
    const own = listeners.find(
      (listener) => listener.port === endpoint.port && reaches(endpoint.host, listener.host),
    );
    if (own !== undefined) {
      return (
        `${name}=${text} is this collector's own receiver: it would trace its own traces. ` +
        `Unset it for afdscope, or point it to another collector (workers keep theirs)`
      );
    }
  }
  return null;
}

function parseEndpoint(text: string): Address | null {
  try {
    // gRPC endpoints may come without a scheme.
    const url = new URL(text.includes('://') ? text : `http://${text}`);
    const standardPort = url.protocol === 'https:' ? 443 : 80;
    const port = url.port === '' ? standardPort : Number(url.port);
    return { host: url.hostname.replace(/^\[|\]$/g, ''), port };
  } catch {
    return null;
  }
}

/** Does a connection to `host` arrive at a socket that is bound to `bound`? */
function reaches(host: string, bound: string): boolean {
  if (normalHost(host) === normalHost(bound)) return true;
  const everywhere = bound === '0.0.0.0' || bound === '::';
  return everywhere && isThisMachine(host);
}

function isThisMachine(host: string): boolean {
  if (normalHost(host) === 'loopback' || host.toLowerCase() === hostname().toLowerCase()) {
    return true;
  }
  return Object.values(networkInterfaces()).some((addresses) =>
    addresses?.some(({ address }) => address === host),
  );
}

/** One name for the ways to write loopback; connecting to 0.0.0.0 goes there too. */
function normalHost(host: string): string {
  const lower = host.toLowerCase();
  const loopback =
    ['localhost', '::1', '0.0.0.0', '::'].includes(lower) || lower.startsWith('127.');
  return loopback ? 'loopback' : lower;
}
