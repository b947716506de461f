/**
 * The receivers file (`alerts.receivers`), read and checked. Errors name the file, the receiver or route,
 * and the key:
 *
 *     receivers.yaml: receiver "night": routing_key: write {env: NAME} or {file: PATH}; …
 */
import { readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { parse as parseYaml } from 'yaml';
import type { z } from 'zod';
import { closest } from '#lib/base/closest.ts';
import { err, ok, type Result } from '#lib/base/result.ts';
import { yamlProblem } from '#lib/base/yaml-problem.ts';
import { type Receiver, type Route, receiversFileSchema } from './receiver-schema.ts';

export interface Receivers {
  readonly receivers: readonly Receiver[];
  readonly routes: readonly Route[];
  /** Files of secrets are relative to this folder. */
  readonly folder: string;
  /** Likely mistakes that hinder nothing, one line each. */
  readonly warnings: readonly string[];
}

/** Rule files have `rules`, these have `receivers` and `routes`; a text that is no YAML may be one, too. */
export function isReceiversFile(text: string): boolean {
  return /^["']?(?:receivers|routes)["']?\s*:/m.test(text) && !/^["']?rules["']?\s*:/m.test(text);
}

/** `path` is absolute. The error is one line for each problem. */
export function loadReceivers(path: string): Result<Receivers, readonly string[]> {
  let text: string;
  try {
    text = readFileSync(path, 'utf8');
  } catch (cause) {
    const code = cause instanceof Error && 'code' in cause ? String(cause.code) : 'error';
    const what = code === 'ENOENT' ? 'there is no such file' : `cannot be read (${code})`;
    return err([`${path}: ${what}; alerts.receivers names the file of receivers`]);
  }
  return checkReceivers(text, path);
}

/** `path` names the file in messages, and its folder is where files of secrets are looked for. */
export function checkReceivers(text: string, path: string): Result<Receivers, readonly string[]> {
  let tree: unknown;
  try {
    tree = parseYaml(text);
  } catch (cause) {
    return err([`${path}: not valid YAML: ${yamlProblem(cause)}`]);
  }
  const parsed = receiversFileSchema.safeParse(tree);
  if (!parsed.success) {
    return err(parsed.error.issues.flatMap((issue) => describe(issue, tree, path)));
  }
  const { receivers, routes } = parsed.data;
  const problems = crossChecks(receivers, routes).map((text) => `${path}: ${text}`);
  if (problems.length > 0) return err(problems);
  const warnings = doubts(receivers, routes).map((text) => `${path}: ${text}`);
  return ok({ receivers, routes, folder: dirname(path), warnings });
}

function crossChecks(receivers: readonly Receiver[], routes: readonly Route[]): string[] {
  const names = receivers.map(({ name }) => name);
  const problems = names
    .filter((name, index) => names.indexOf(name) !== index)
    .map((name) => `receiver "${name}": name: there are two of this name`);
  routes.forEach(({ receiver, group_by }, index) => {
    if (!names.includes(receiver)) {
      const near = closest(receiver, names);
      const hint = near === null ? `known are ${names.join(', ')}` : `did you mean ${near}?`;
      problems.push(`${routeName(index)}: receiver: there is no receiver "${receiver}"; ${hint}`);
    }
    if (group_by.includes('...') && group_by.length > 1) {
      problems.push(
        `${routeName(index)}: group_by: "..." means all labels; write nothing beside it`,
      );
    }
  });
  for (const receiver of receivers) {
    if ('bearer' in receiver && receiver.bearer !== undefined && receiver.basic !== undefined) {
      problems.push(
        `receiver "${receiver.name}": basic: there is a bearer already; write one of them`,
      );
    }
    if (receiver.kind !== 'email') continue;
    const { username, password, tls } = receiver.smtp;
    if ((username === undefined) !== (password === undefined)) {
      problems.push(
        `receiver "${receiver.name}": smtp: username and password belong together; write both or none`,
      );
    } else if (password !== undefined && tls === 'none') {
      problems.push(
        `receiver "${receiver.name}": smtp.tls: "none" would send the password in the clear; write starttls or implicit`,
      );
    }
  }
  return problems;
}

function doubts(receivers: readonly Receiver[], routes: readonly Route[]): string[] {
  const unused = receivers
    .filter(({ name }) => routes.every(({ receiver }) => receiver !== name))
    .map(({ name }) => `receiver "${name}": no route names it; it is told nothing`);
  const last = routes.at(-1);
  if (last !== undefined && last.matchers.length > 0) {
    unused.push(
      'routes: the last one has matchers; an alert that matches no route is told to nobody',
    );
  }
  const shadow = routes.findIndex((route) => route.matchers.length === 0 && !route.continue);
  if (shadow >= 0 && shadow < routes.length - 1) {
    unused.push(
      `${routeName(shadow)}: takes every alert, so that the routes after it get none; write continue: true, or move it to the end`,
    );
  }
  return unused;
}

function describe(issue: z.core.$ZodIssue, tree: unknown, file: string): string[] {
  const path = issue.path.map(String);
  const at = (keys: readonly string[]) => {
    const where = placeOf(path, tree);
    const key = [...where.key, ...keys].join('.');
    return [file, where.name, key].filter((part) => part !== '').join(': ');
  };
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => `${at([key])}: unknown key`);
  }
  if (issue.code === 'invalid_union' && path.at(-1) === 'kind') {
    return [`${at([])}: write webhook, slack, pagerduty, email or alertmanager`];
  }
  if (issue.code === 'invalid_type' && valueAt(tree, issue.path) === undefined) {
    return [`${at([])}: is missing`];
  }
  return [`${at([])}: ${issue.message}`];
}

/** Receivers go by their names, routes by their places. */
function placeOf(
  path: readonly string[],
  tree: unknown,
): { readonly name: string; readonly key: readonly string[] } {
  const [list, index, ...key] = path;
  if (list === 'routes' && index !== undefined) return { name: routeName(Number(index)), key };
  if (list !== 'receivers' || index === undefined) return { name: '', key: path };
  const name = valueAt(tree, [list, Number(index), 'name']);
  const shown = typeof name === 'string' ? `receiver "${name}"` : `receiver ${Number(index) + 1}`;
  return { name: shown, key };
}

function routeName(index: number): string {
  return `route ${index + 1}`;
}

function valueAt(tree: unknown, path: readonly PropertyKey[]): unknown {
  let node = tree;
  for (const key of path) {
    if (typeof node !== 'object' || node === null) return undefined;
    node = Reflect.get(node, key);
  }
  return node;
}
