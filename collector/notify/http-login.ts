/** Headers of a receiver's login, with its secrets read anew. */
import { ok, type Result } from '#lib/base/result.ts';
import type { SecretRef } from '#lib/config/receiver-schema.ts';
import { readSecret, readText, type SecretSources } from './secrets.ts';

export interface HttpLogin {
  readonly bearer?: SecretRef | undefined;
  readonly basic?: { readonly username: string; readonly password: SecretRef } | undefined;
  readonly headers: Readonly<Record<string, string | SecretRef>>;
}

export interface LoginHeaders {
  readonly headers: Readonly<Record<string, string>>;
  /** What of them must not be shown; tokens are known from the headers. */
  readonly secrets: readonly string[];
}

export async function loginHeaders(
  { bearer, basic, headers }: HttpLogin,
  sources: SecretSources,
): Promise<Result<LoginHeaders, string>> {
  const all: Record<string, string> = {};
  const secrets: string[] = [];
  for (const [name, text] of Object.entries(headers)) {
    const value = await readText(text, sources);
    if (!value.ok) return value;
    all[name.toLowerCase()] = value.value;
  }
  if (bearer !== undefined) {
    const token = await readSecret(bearer, sources);
    if (!token.ok) return token;
    all.authorization = `Bearer ${token.value}`;
  }
  if (basic !== undefined) {
    const password = await readSecret(basic.password, sources);
    if (!password.ok) return password;
    const pair = Buffer.from(`${basic.username}:${password.value}`).toString('base64');
    all.authorization = `Basic ${pair}`;
    secrets.push(password.value);
  }
  return ok({ headers: all, secrets });
}
