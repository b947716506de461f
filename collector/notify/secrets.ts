/** Secrets are read when a message is sent, so that they can be changed underneath; nobody keeps them. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { err, ok, type Result } from '#lib/base/result.ts';
import type { SecretRef } from '#lib/config/receiver-schema.ts';

export interface SecretSources {
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Files are relative to it. */
  readonly folder: string;
}

/** Spaces and line ends around it do not count. The error names where it should be, never what is there. */
export async function readSecret(
  ref: SecretRef,
  { env, folder }: SecretSources,
): Promise<Result<string, string>> {
  if ('env' in ref) return usable(env[ref.env], `the variable ${ref.env}`);
  let text: string;
  try {
    text = await readFile(resolve(folder, ref.file), 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
    return err(`the secret's file ${ref.file} cannot be read (${code})`);
  }
  return usable(text, `the secret's file ${ref.file}`);
}

function usable(text: string | undefined, where: string): Result<string, string> {
  if (text === undefined) return err(`${where} is not set`);
  const secret = text.trim();
  if (secret === '') return err(`${where} is empty`);
  if (/\p{Cc}/u.test(secret))
    return err(`${where} holds more than one line, or control characters`);
  return ok(secret);
}

/** Texts of the file that may be secrets or not: URLs and headers. */
export async function readText(
  text: string | SecretRef,
  sources: SecretSources,
): Promise<Result<string, string>> {
  return typeof text === 'string' ? ok(text) : readSecret(text, sources);
}
