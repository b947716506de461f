/** Cross-origin senders (a page in a browser), for the origins that the configuration names. */
import type { IncomingMessage, OutgoingHttpHeaders } from 'node:http';

export interface CorsPolicy {
  /** Exact origins, or `*`; empty: off. */
  readonly origins: readonly string[];
}

function allowedOrigin(req: IncomingMessage, policy: CorsPolicy): string | undefined {
  const origin = req.headers.origin;
  if (origin === undefined) return undefined;
  return policy.origins.includes('*') || policy.origins.includes(origin) ? origin : undefined;
}

export function isPreflight(req: IncomingMessage, policy: CorsPolicy): boolean {
  return (
    req.method === 'OPTIONS' &&
    req.headers['access-control-request-method'] !== undefined &&
    allowedOrigin(req, policy) !== undefined
  );
}

export function corsHeaders(req: IncomingMessage, policy: CorsPolicy): OutgoingHttpHeaders {
  const origin = allowedOrigin(req, policy);
  return origin === undefined ? {} : { 'Access-Control-Allow-Origin': origin, Vary: 'Origin' };
}

export function preflightHeaders(req: IncomingMessage, policy: CorsPolicy): OutgoingHttpHeaders {
  return {
    ...corsHeaders(req, policy),
    'Access-Control-Allow-Methods': 'POST',
    'Access-Control-Allow-Headers':
      req.headers['access-control-request-headers'] ?? 'content-type, content-encoding',
    'Access-Control-Max-Age': '7200',
  };
}
