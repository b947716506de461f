/** Kernel tables as YAML: the one that comes with the product, and those of users, checked. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parse } from 'yaml';
import { yamlProblem } from '#lib/base/yaml-problem.ts';
import { KINDS, PHASES, ROLES } from '#lib/table/codes.ts';
import type { AnnotationRule, KernelRule, KernelTable, WorkerRule } from './kernel-table.ts';

/** What is wrong with a table: the message says which file, which rule, and what is allowed. */
export class KernelTableError extends Error {
  override readonly name = 'KernelTableError';
}

const BUILT_IN = join(import.meta.dirname, 'kineto-kernels.yaml');
const MAX_RULES = 10_000;
const MAX_NAME = 200;

let builtIn: KernelTable | undefined;

/** The table that comes with the product. */
export function builtInKernels(): KernelTable {
  builtIn ??= parseKernelTable(readFileSync(BUILT_IN, 'utf8'), BUILT_IN);
  return builtIn;
}

/** The rules of a user's file before the built-in ones. @throws KernelTableError */
export function loadKernelTable(path: string): KernelTable {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
    const what = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`;
    throw new KernelTableError(`${path}: ${what}; it should be a table of kernel names (YAML)`);
  }
  const own = parseKernelTable(text, path);
  const known = builtInKernels();
  return {
    kernels: [...own.kernels, ...known.kernels],
    annotations: [...own.annotations, ...known.annotations],
    workers: [...own.workers, ...known.workers],
  };
}

/** `where` names the text in messages. @throws KernelTableError */
export function parseKernelTable(text: string, where: string): KernelTable {
  let tree: unknown;
  try {
    tree = parse(text) ?? {};
  } catch (cause) {
    throw new KernelTableError(`${where}: not valid YAML: ${yamlProblem(cause)}`);
  }
  const root = new Fields(tree, where, ['kernels', 'annotations', 'workers']);
  return {
    kernels: root.list('kernels').map(kernelRule),
    annotations: root.list('annotations').map(annotationRule),
    workers: root.list('workers').map(workerRule),
  };
}

function kernelRule(value: unknown, where: string): KernelRule {
  const fields = new Fields(value, where, ['match', 'stage', 'kind', 'library', 'name', 'roles']);
  const { source, flags } = fields.pattern('match');
  const stage = fields.text('stage');
  if (stage === '') fields.fail('stage', 'write a stage, such as expert');
  const library = fields.text('library');
  return {
    name: fields.text('name') || (library === '' ? stage : library),
    match: source,
    flags,
    stage,
    kind: fields.oneOf('kind', KINDS),
    library,
    roles: fields.has('roles') ? fields.rolesOf('roles') : null,
  };
}

function annotationRule(value: unknown, where: string): AnnotationRule {
  const fields = new Fields(value, where, ['match', 'steps', 'phase', 'stage']);
  const { source, flags } = fields.pattern('match');
  return {
    match: source,
    flags,
    steps: fields.flag('steps'),
    phase: fields.oneOf('phase', PHASES),
    stage: fields.text('stage'),
  };
}

function workerRule(value: unknown, where: string): WorkerRule {
  const fields = new Fields(value, where, ['ranks', 'file', 'role', 'group']);
  const role =
    fields.oneOf('role', ROLES) ?? fields.fail('role', `write one of ${ROLES.join(', ')}`);
  const file = fields.has('file') ? fields.pattern('file').source : '';
  const ranks = fields.has('ranks') ? fields.ranks('ranks') : null;
  if (file === '' && ranks === null) fields.fail('ranks', 'write ranks such as 0-47, or file');
  return { ranks, file, role, group: fields.text('group') || role };
}

/** One mapping of the file; every complaint says where it is. */
class Fields {
  readonly #tree: Readonly<Record<string, unknown>>;
  readonly #where: string;

  constructor(value: unknown, where: string, keys: readonly string[]) {
    this.#where = where;
    if (typeof value !== 'object' || value === null || Array.isArray(value)) {
      throw new KernelTableError(`${where}: expected ${keys.join(', ')}, found ${short(value)}`);
    }
    this.#tree = Object.fromEntries(Object.entries(value));
    for (const key of Object.keys(this.#tree)) {
      if (!keys.includes(key)) this.fail(key, `unknown key; known ones are ${keys.join(', ')}`);
    }
  }

  fail(key: string, what: string): never {
    throw new KernelTableError(`${this.#where}: ${key}: ${what}`);
  }

  has(key: string): boolean {
    return this.#tree[key] !== undefined && this.#tree[key] !== null;
  }

  /** The rules under a key, each with where it is. */
  list(key: string): { map<T>(make: (value: unknown, where: string) => T): T[] } {
    const value = this.#tree[key] ?? [];
    if (!Array.isArray(value)) this.fail(key, `expected a list of rules, found ${short(value)}`);
    if (value.length > MAX_RULES) this.fail(key, `more than ${MAX_RULES} rules`);
    const entries: readonly unknown[] = value;
    return {
      map: (make) => entries.map((entry, i) => make(entry, `${this.#where}: ${key}[${i}]`)),
    };
  }

  text(key: string): string {
    const value = this.#tree[key] ?? '';
    if (typeof value === 'number' || typeof value === 'boolean') return String(value);
    if (typeof value !== 'string') this.fail(key, `expected a text, found ${short(value)}`);
    if (value.length > MAX_NAME && key !== 'match') {
      this.fail(key, `longer than ${MAX_NAME} characters`);
    }
    return value.trim();
  }

  flag(key: string): boolean {
    const value = this.#tree[key] ?? false;
    if (typeof value !== 'boolean') this.fail(key, `write true or false, not ${short(value)}`);
    return value;
  }

  oneOf<T extends string>(key: string, allowed: readonly T[]): T | null {
    if (!this.has(key)) return null;
    const value = this.#tree[key];
    const found = allowed.find((one) => one === value);
    if (found === undefined) {
      this.fail(key, `${short(value)} is not allowed; write one of ${allowed.join(', ')}`);
    }
    return found;
  }

  rolesOf(key: string): (typeof ROLES)[number][] {
    const value = this.#tree[key];
    const list: readonly unknown[] = Array.isArray(value) ? value : [value];
    return list.map((one) => {
      const role = ROLES.find((known) => known === one);
      if (role === undefined) {
        this.fail(key, `${short(one)} is not allowed; write some of ${ROLES.join(', ')}`);
      }
      return role;
    });
  }

  /** A regular expression; `(?i)` in front ignores case. */
  pattern(key: string): { source: string; flags: string } {
    const text = this.text(key);
    if (text === '') this.fail(key, 'write a regular expression');
    const flags = text.startsWith('(?i)') ? 'i' : '';
    const source = flags === '' ? text : text.slice(4);
    try {
      new RegExp(source, flags);
    } catch (cause) {
      this.fail(key, cause instanceof Error ? cause.message : 'no regular expression');
    }
    return { source, flags };
  }

  /** "0-47, 50" or a list of numbers. */
  ranks(key: string): number[] {
    const value = this.#tree[key];
    const parts: readonly unknown[] = Array.isArray(value) ? value : String(value).split(',');
    return parts.flatMap((part) => {
      const found = /^\s*(\d{1,6})(?:\s*-\s*(\d{1,6}))?\s*$/.exec(String(part));
      if (found === null) this.fail(key, `${short(part)} is no rank; write ranks such as 0-47, 50`);
      const from = Number(found[1]);
      const to = Number(found[2] ?? from);
      if (to < from) this.fail(key, `${short(part)} runs backwards`);
      return Array.from({ length: to - from + 1 }, (_, i) => from + i);
    });
  }
}

function short(value: unknown): string {
  return (JSON.stringify(value) ?? 'nothing').slice(0, 60);
}
