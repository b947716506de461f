/** What an OTLP/HTTP request says about itself in its path and headers. */
import type { Encoding, Signal } from '#lib/ingest/decoded.ts';
import type { Compression } from './decompress.ts';

export const OTLP_PATHS: ReadonlyMap<string, Signal> = new Map([
  ['/v1/traces', 'traces'],
  ['/v1/metrics', 'metrics'],
  ['/v1/logs', 'logs'],
]);

/** The path without query and fragment. */
export function pathOf(url: string): string {
  const end = url.search(/[?#]/);
  return end === -1 ? url : url.slice(0, end);
}

/** undefined: a type that OTLP does not have. Parameters such as a charset do not matter. */
export function encodingOf(contentType: string | undefined): Encoding | undefined {
  const type = (contentType ?? '').split(';', 1)[0]!.trim().toLowerCase();
  if (type === 'application/x-protobuf') return 'protobuf';
  return type === 'application/json' ? 'json' : undefined;
}

/** undefined: an encoding that is not supported, or several of them. */
export function compressionOf(
  contentEncoding: string | undefined,
): Compression | 'identity' | undefined {
  const name = (contentEncoding ?? '').trim().toLowerCase();
  switch (name) {
    case '':
    case 'identity':
      return 'identity';
    case 'gzip':
    case 'x-gzip':
      return 'gzip';
    case 'deflate':
    case 'zstd':
      return name;
    default:
      return undefined;
  }
}
