import { hostname } from 'node:os';
import { describe, expect, test } from 'vitest';
import { findOwnEndpoint, wantsTracing } from '#collector/observe/own-endpoint.ts';

const listeners = [
  { host: '127.0.0.1', port: 4318 },
  { host: '127.0.0.1', port: 4317 },
];
const endpoint = (url: string) => ({ OTEL_EXPORTER_OTLP_ENDPOINT: url });

describe('an endpoint that is one of the own listeners', () => {
  test.each([
    'http://127.0.0.1:4318',
    'http://localhost:4318/',
    'http://LOCALHOST:4318/v1/traces',
    'http://[::1]:4317',
    'http://0.0.0.0:4318',
    'localhost:4317',
    '127.0.1.1:4318',
  ])('%s', (url) => {
    const problem = findOwnEndpoint(endpoint(url), listeners);
    expect(problem).toContain(
      `OTEL_EXPORTER_OTLP_ENDPOINT=${url} is this collector's own receiver`,
    );
    expect(problem).toContain('Unset it');
  });

  test('in the variable for traces alone', () => {
    const env = { OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: 'http://127.0.0.1:4318/v1/traces' };
    expect(findOwnEndpoint(env, listeners)).toContain('OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=');
  });

  test('by the name of this machine, where it listens everywhere', () => {
    const everywhere = [{ host: '0.0.0.0', port: 4318 }];
    expect(findOwnEndpoint(endpoint(`http://${hostname()}:4318`), everywhere)).not.toBeNull();
    expect(findOwnEndpoint(endpoint(`http://${hostname()}:4318`), listeners)).toBeNull();
  });
});

test.each([
  '',
  'http://127.0.0.1:14318',
  'http://otel.example:4318',
  'not a url at all',
  'http://',
])('other endpoints are fine: %j', (url) => {
  expect(findOwnEndpoint(endpoint(url), listeners)).toBeNull();
});

test('tracing is wanted where an endpoint is named', () => {
  expect(wantsTracing({})).toBe(false);
  expect(wantsTracing(endpoint(''))).toBe(false);
  expect(wantsTracing(endpoint('http://x:1'))).toBe(true);
});
