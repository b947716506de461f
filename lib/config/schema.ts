/** The configuration as zod: one place for keys, variables, defaults and what each value may be. */
import { z } from 'zod';
import type { Result } from '#lib/base/result.ts';
import { parseAddress, parseDuration, parseSize } from './quantities.ts';

/** A leaf that is written as text and read by one of the parsers. */
function written<T>(parse: (text: string) => Result<T, string>) {
  return z.union([z.string(), z.number()]).transform((value, context): T => {
    const parsed = parse(String(value));
    if (parsed.ok) return parsed.value;
    context.issues.push({ code: 'custom', message: parsed.error, input: value });
    return z.NEVER;
  });
}

const address = written(parseAddress);
const duration = written(parseDuration);
const size = written(parseSize);

const store = z
  .string()
  .refine(
    (value) =>
      value === 'sqlite' || value === 'memory:' || /^(?:clickhouse|https?):\/\/\S+$/.test(value),
    { error: 'write sqlite, or the URL of a ClickHouse server such as http://127.0.0.1:8123' },
  );

/** An environment variable has no lists: commas separate. */
const originList = z
  .union([z.string().transform((text) => text.split(',')), z.array(z.string())])
  .transform((origins) => origins.map((origin) => origin.trim()).filter((o) => o !== ''))
  .refine((origins) => origins.every((o) => o === '*' || /^https?:\/\/[^/\s]+$/.test(o)), {
    error: 'write a list of origins such as https://grafana.example:3000 (no path), or *',
  });

/** Every key. `configKeys` must name the same ones; a test holds the two together. */
export const fileSchema = z
  .strictObject({
    data: z.string().min(1, 'write a folder'),
    store,
    otlp: z.strictObject({ http: address, grpc: address, corsOrigins: originList }),
    admin: address,
    web: address,
    kernels: z.string(),
    retention: z.strictObject({ raw: duration, rawBytes: size, rollups: duration }),
    import: z.strictObject({ maxBytes: size }),
    alerts: z.strictObject({
      rules: z.string(),
      receivers: z.string(),
      externalUrl: z.string().refine((url) => url === '' || /^https?:\/\/\S+$/.test(url), {
        error: 'write a URL such as https://afdscope.example, or nothing',
      }),
      tpotTarget: duration,
      recordBefore: duration,
      recordAfter: duration,
      recordBytes: size,
    }),
    limits: z.strictObject({ bodyBytes: size, bytesInFlight: size }),
  })
  .superRefine((config, context) => {
    if (config.limits.bytesInFlight < config.limits.bodyBytes) {
      context.addIssue({
        code: 'custom',
        path: ['limits', 'bytesInFlight'],
        message: 'must be at least limits.bodyBytes, or no large request can ever be read',
      });
    }
  });

export interface ConfigKey {
  /** Dotted path in the file. */
  readonly key: string;
  readonly variable: string;
  readonly standard: string;
  /** One line for `--help` and the example file. */
  readonly about: string;
}

/** Order is that of the example file. */
export const configKeys: readonly ConfigKey[] = [
  {
    key: 'data',
    variable: 'AFDSCOPE_DATA',
    standard: './data',
    about: 'folder of the database (afdscope.db) and of runtime.json',
  },
  {
    key: 'store',
    variable: 'AFDSCOPE_STORE',
    standard: 'sqlite',
    about: 'where telemetry is kept',
  },
  {
    key: 'otlp.http',
    variable: 'AFDSCOPE_OTLP_HTTP',
    standard: '127.0.0.1:4318',
    about: 'OTLP/HTTP receiver',
  },
  {
    key: 'otlp.grpc',
    variable: 'AFDSCOPE_OTLP_GRPC',
    standard: '127.0.0.1:4317',
    about: 'OTLP/gRPC receiver',
  },
  {
    key: 'otlp.corsOrigins',
    variable: 'AFDSCOPE_OTLP_CORS_ORIGINS',
    standard: '',
    about: 'browser origins that may send OTLP/HTTP; none by default',
  },
  {
    key: 'admin',
    variable: 'AFDSCOPE_ADMIN',
    standard: '127.0.0.1:9464',
    about: '/metrics, /healthz, /readyz, /livez, live stream',
  },
  {
    key: 'web',
    variable: 'AFDSCOPE_WEB',
    standard: '127.0.0.1:3000',
    about: 'dashboard and HTTP API',
  },
  {
    key: 'kernels',
    variable: 'AFDSCOPE_KERNELS',
    standard: '',
    about: 'table of kernel names, before the built-in one',
  },
  {
    key: 'retention.raw',
    variable: 'AFDSCOPE_RETENTION_RAW',
    standard: '2h',
    about: 'raw events are kept this long',
  },
  {
    key: 'retention.rawBytes',
    variable: 'AFDSCOPE_RETENTION_RAW_BYTES',
    standard: '20GB',
    about: 'and take at most this much; whichever ends first',
  },
  {
    key: 'retention.rollups',
    variable: 'AFDSCOPE_RETENTION_ROLLUPS',
    standard: '90d',
    about: 'rollups are kept this long',
  },
  {
    key: 'import.maxBytes',
    variable: 'AFDSCOPE_IMPORT_MAX_BYTES',
    standard: '16GB',
    about: 'files of one import, as they are sent',
  },
  {
    key: 'alerts.rules',
    variable: 'AFDSCOPE_ALERTS_RULES',
    standard: '',
    about: 'file of alert rules, beside the built-in ones (docs/alerts.md)',
  },
  {
    key: 'alerts.receivers',
    variable: 'AFDSCOPE_ALERTS_RECEIVERS',
    standard: '',
    about: 'file that says who is told of alerts, and how',
  },
  {
    key: 'alerts.externalUrl',
    variable: 'AFDSCOPE_ALERTS_EXTERNAL_URL',
    standard: '',
    about: 'where people reach the dashboard, for links in messages; else the web address',
  },
  {
    key: 'alerts.tpotTarget',
    variable: 'AFDSCOPE_ALERTS_TPOT_TARGET',
    standard: '50ms',
    about: 'time per output token that the built-in rule holds the cluster to',
  },
  {
    key: 'alerts.recordBefore',
    variable: 'AFDSCOPE_ALERTS_RECORD_BEFORE',
    standard: '60s',
    about: 'raw events kept before an alert',
  },
  {
    key: 'alerts.recordAfter',
    variable: 'AFDSCOPE_ALERTS_RECORD_AFTER',
    standard: '60s',
    about: 'and after it',
  },
  {
    key: 'alerts.recordBytes',
    variable: 'AFDSCOPE_ALERTS_RECORD_BYTES',
    standard: '5GB',
    about: 'all incidents together; the oldest give their raw events up first',
  },
  {
    key: 'limits.bodyBytes',
    variable: 'AFDSCOPE_LIMITS_BODY_BYTES',
    standard: '64MiB',
    about: 'largest OTLP request, after decompression',
  },
  {
    key: 'limits.bytesInFlight',
    variable: 'AFDSCOPE_LIMITS_BYTES_IN_FLIGHT',
    standard: '256MiB',
    about: 'all requests being read or stored, together',
  },
];

/** Variables that carry no key: the log level, and what the supervisor sets for its children. */
export const internalVariables: readonly string[] = [
  'AFDSCOPE_LOG',
  'AFDSCOPE_ADMIN_TOKEN',
  'AFDSCOPE_RUNTIME',
  'AFDSCOPE_ROOT',
];
