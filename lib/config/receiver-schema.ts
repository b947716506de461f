/**
 * The receivers file as zod: who can be told of alerts, and which alerts go to whom. Keys are those of
 * Alertmanager's configuration where it has such a key.
 */
import { z } from 'zod';
import { alertLabel, parseMatcher } from './matcher-text.ts';
import { parseDuration } from './quantities.ts';

/** A duration in milliseconds; unlike the configuration's, it may be nothing ("0s"). */
const durationMs = z.union([z.string(), z.number()]).transform((value, context): number => {
  const text = String(value);
  if (/^0(?:ms|s|m|h)?$/.test(text.trim())) return 0;
  const parsed = parseDuration(text);
  if (parsed.ok) return parsed.value / 1e6;
  context.issues.push({ code: 'custom', message: parsed.error, input: value });
  return z.NEVER;
});
const atLeast = (leastMs: number, text: string) =>
  durationMs.refine((ms) => ms >= leastMs, `must be at least ${text}`);

const SECRET_HELP = 'write {env: NAME} or {file: PATH}; a secret is never written into this file';

/** Where a secret is; it is read each time that it is needed, so that it can be changed underneath. */
const secret = z.union(
  [
    z.strictObject({ env: z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/) }),
    z.strictObject({ file: z.string().min(1) }),
  ],
  { error: SECRET_HELP },
);
export type SecretRef = z.output<typeof secret>;

const httpUrl = z.string().refine((text) => {
  if (!/^https?:\/\//.test(text) || !URL.canParse(text)) return false;
  const { username, password } = new URL(text);
  return username === '' && password === '';
}, 'write a URL such as https://hooks.example/alerts, without a user or password in it');
const TEXT_OR_SECRET = `${SECRET_HELP}, or a URL such as https://hooks.example/alerts that is none (no user or password in it)`;
const urlOrSecret = z.union([httpUrl, secret], { error: TEXT_OR_SECRET });

const headerName = z
  .string()
  .regex(/^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/, 'not a name of an HTTP header');
const login = {
  bearer: secret.optional(),
  basic: z.strictObject({ username: z.string().min(1), password: secret }).optional(),
  headers: z.record(headerName, z.union([z.string(), secret])).default({}),
};

const common = {
  name: z
    .string()
    .regex(/^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$/, 'names are 1 to 64 letters, digits, ., - and _'),
};
/** At most so many messages in so long; what is over is merged into one that says so. */
const rate_limit = z
  .strictObject({ messages: z.number().int().min(1).max(10_000), per: atLeast(1000, '1s') })
  .optional();

const address = z.string().regex(/^[^\r\n]*[^\s@<>]+@[^\s@<>]+>?$/, 'write an e-mail address');

export const receiverSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    ...common,
    kind: z.literal('webhook'),
    url: urlOrSecret,
    ...login,
    /** Alerts in one message; 0: all. */
    max_alerts: z.number().int().min(0).default(0),
    rate_limit,
  }),
  z.strictObject({ ...common, kind: z.literal('slack'), url: secret, rate_limit }),
  z.strictObject({
    ...common,
    kind: z.literal('pagerduty'),
    routing_key: secret,
    /** Another endpoint of the same protocol, such as that of the EU region. */
    url: httpUrl.default('https://events.pagerduty.com/v2/enqueue'),
    rate_limit,
  }),
  z.strictObject({
    ...common,
    kind: z.literal('email'),
    smtp: z.strictObject({
      host: z.string().min(1),
      port: z.number().int().min(1).max(65_535).default(587),
      /** `starttls`: must be offered; `implicit`: from the first byte; `none`: for a relay on the same host. */
      tls: z.enum(['starttls', 'implicit', 'none']).default('starttls'),
      username: z.string().min(1).optional(),
      password: secret.optional(),
    }),
    from: address,
    to: z.array(address).min(1, 'write at least one address').max(100),
    rate_limit,
  }),
  z.strictObject({
    ...common,
    kind: z.literal('alertmanager'),
    /** Base URL: /api/v2/alerts is added. */
    url: urlOrSecret,
    ...login,
    /** Firing alerts are sent again so often, and end by themselves after four times that. */
    resend_interval: atLeast(1000, '1s').default(60_000),
  }),
]);
export type Receiver = z.output<typeof receiverSchema>;
export type ReceiverKind = Receiver['kind'];
export type ReceiverOf<K extends ReceiverKind> = Extract<Receiver, { kind: K }>;

const matcher = z.string().transform((text, context) => {
  const parsed = parseMatcher(text);
  if (parsed.ok) return parsed.value;
  context.issues.push({ code: 'custom', message: parsed.error, input: text });
  return z.NEVER;
});

const groupLabel = z
  .string()
  .regex(/^(?:\.\.\.|[a-zA-Z_][a-zA-Z0-9_]*)$/, 'write names of labels, or "..." for all of them')
  .transform(alertLabel);

const routeSchema = z.strictObject({
  receiver: z.string().min(1),
  /** All must hold; none: every alert. */
  matchers: z.array(matcher).default([]),
  /** Later routes are looked at as well. */
  continue: z.boolean().default(false),
  group_by: z.array(groupLabel).default(['deployment', 'alertname']),
  group_wait: durationMs.default(10_000),
  group_interval: atLeast(1000, '1s').default(60_000),
  repeat_interval: atLeast(60_000, '1m').default(4 * 3_600_000),
  send_resolved: z.boolean().default(true),
});
export type Route = z.output<typeof routeSchema>;

export const receiversFileSchema = z.strictObject({
  receivers: z.array(receiverSchema),
  routes: z.array(routeSchema),
});
