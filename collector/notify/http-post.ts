/** POSTs JSON, once, and says in words what came of it. A connection of its own each time. */
import { Agent as HttpAgent, request as httpRequest, type IncomingMessage } from 'node:http';
import { Agent as HttpsAgent, request as httpsRequest } from 'node:https';
import type { SendOutcome } from './channel.ts';

export interface Post {
  /** Never shown: its path may be a secret. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** Texts that must not be shown if the other side repeats them; the URL's and the headers' are known. */
  readonly secrets?: readonly string[];
  readonly body: unknown;
  readonly signal: AbortSignal;
  readonly nowUnixMs: number;
  /** Where HTTPS_PROXY and the like are looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
}

/** The other side says that it will never take this message. */
const FINAL = [400, 413, 422];
const MAX_ANSWER_BYTES = 64 * 1024;
/** Shorter pieces of a path are words such as `v2`. */
const SHORTEST_SECRET = 6;
/** A target that asks for longer is asked again after this. */
const MAX_RETRY_AFTER_MS = 3_600_000;

export async function postJson(post: Post): Promise<SendOutcome> {
  if (!/^https?:\/\//.test(post.url) || !URL.canParse(post.url)) {
    return refusal('the URL is not one of http:// or https://');
  }
  const url = new URL(post.url);
  let answer: { readonly response: IncomingMessage; readonly text: string };
  try {
    answer = await exchange(url, post);
  } catch (cause) {
    return refusal(`${url.host}: ${failureText(cause)}`);
  }
  const { response, text } = answer;
  const status = response.statusCode ?? 0;
  const said = `${status} ${response.statusMessage ?? ''}`.trim();
  if (status >= 200 && status < 300) return { ok: true, detail: said };
  const isRedirect = status >= 300 && status < 400;
  const reason = isRedirect
    ? 'redirects are not followed; write the address that it leads to'
    : excerpt(text, post);
  return {
    ok: false,
    error: [`${url.host}: ${said}`, reason].filter((part) => part !== '').join(': '),
    isFinal: FINAL.includes(status),
    retryAfterMs: retryAfterMs(response.headers['retry-after'], post.nowUnixMs),
  };
}

function exchange(url: URL, post: Post) {
  const body = Buffer.from(JSON.stringify(post.body));
  const isTls = url.protocol === 'https:';
  // The types of the web framework want a mode in every environment.
  const proxyEnv = { ...post.env, NODE_ENV: 'production' as const };
  const { promise, resolve, reject } = Promise.withResolvers<{
    readonly response: IncomingMessage;
    readonly text: string;
  }>();
  const request = (isTls ? httpsRequest : httpRequest)(
    url,
    {
      method: 'POST',
      agent: isTls ? new HttpsAgent({ proxyEnv }) : new HttpAgent({ proxyEnv }),
      signal: post.signal,
      headers: {
        ...post.headers,
        'content-type': 'application/json',
        'content-length': body.length,
        'user-agent': 'afdscope',
      },
    },
    (response) => {
      const parts: Buffer[] = [];
      let bytes = 0;
      response.on('data', (part: Buffer) => {
        if (bytes < MAX_ANSWER_BYTES) parts.push(part);
        bytes += part.length;
        // Enough was read to know what it says.
        if (bytes > 16 * MAX_ANSWER_BYTES) response.destroy();
      });
      response.on('close', () => {
        const status = response.statusCode ?? 0;
        // Only a whole answer counts: half of one may come from something that fell over.
        if (!response.complete && bytes <= 16 * MAX_ANSWER_BYTES) {
          reject(new Error(`closed the connection in its answer (${status})`));
        } else resolve({ response, text: Buffer.concat(parts).toString('utf8') });
      });
      response.on('error', reject);
    },
  );
  request.on('error', reject);
  request.end(body);
  return promise;
}

const WORDS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'refused the connection',
  ECONNRESET: 'closed the connection without an answer',
  EPIPE: 'closed the connection without an answer',
  ENOTFOUND: 'there is no host of this name',
  EAI_AGAIN: 'its name could not be looked up',
  EHOSTUNREACH: 'cannot be reached',
  ENETUNREACH: 'cannot be reached',
  ETIMEDOUT: 'the connection timed out',
};

function failureText(cause: unknown): string {
  if (!(cause instanceof Error)) return 'failed';
  const code = 'code' in cause ? String(cause.code) : '';
  // Node's own texts name addresses and certificates, no paths.
  return WORDS[code] ?? (code === '' ? cause.message : `failed (${code})`);
}

/** The beginning of what it answered, without anything of what was sent as a secret. */
function excerpt(text: string, { url, headers, secrets = [] }: Post): string {
  const { pathname, search } = new URL(url);
  const sent = Object.values(headers).flatMap((value) => [value, value.split(' ').at(-1)!]);
  const hidden = [pathname, ...pathname.split('/'), search, ...sent, ...secrets];
  let shown = text.replace(/\s+/g, ' ').trim();
  // The longest first: a part of a secret must not keep the whole from being found.
  for (const secret of hidden.sort((a, b) => b.length - a.length)) {
    if (secret.length >= SHORTEST_SECRET || secrets.includes(secret)) {
      shown = shown.replaceAll(secret, '…');
    }
  }
  return shown.length > 200 ? `${shown.slice(0, 200)}…` : shown;
}

/** Seconds, or a date. */
function retryAfterMs(text: string | undefined, nowUnixMs: number): number | null {
  if (text === undefined) return null;
  const ms = /^\d+$/.test(text.trim()) ? Number(text) * 1000 : Date.parse(text) - nowUnixMs;
  return Number.isFinite(ms) ? Math.min(Math.max(0, ms), MAX_RETRY_AFTER_MS) : null;
}

function refusal(error: string): SendOutcome {
  return { ok: false, error, isFinal: false, retryAfterMs: null };
}
