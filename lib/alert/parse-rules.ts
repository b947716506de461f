/** Rule files: YAML to rules, with every problem at its line. */
import { isMap, isNode, isScalar, LineCounter, parseDocument } from 'yaml';
import { z } from 'zod';
import { type AlertRule, alertRuleSchema } from '#lib/api/alert-rules.ts';
import { closest } from '#lib/base/closest.ts';
import { checkRule } from './check-rule.ts';
import { circleText, circleThrough, type Explaining } from './explain-circles.ts';

export interface RuleProblem {
  readonly file: string;
  /** From 1. */
  readonly line: number;
  /** null: not of one rule. */
  readonly rule: string | null;
  /** Path in the rule; '' where it is about all of it. */
  readonly key: string;
  readonly message: string;
}

export interface ParsedRules {
  /** Those without a problem, in the order of the file. */
  readonly rules: readonly AlertRule[];
  readonly problems: readonly RuleProblem[];
}

const MAX_RULES = 1000;
const MAX_TEXT = 4 * 2 ** 20;

/**
 * `file`: names the text in problems. `otherRules`: those that `explains` may name beside the file's own
 * (the built-in ones); where the file has one of the same name, that one counts.
 */
export function parseRules(
  text: string,
  file: string,
  otherRules: Iterable<Explaining> = [],
): ParsedRules {
  return new RuleReader(text, file).read([...otherRules]);
}

/** `FILE:LINE: RULE: KEY: what is wrong`, as compilers say it. */
export function problemText({ file, line, rule, key, message }: RuleProblem): string {
  return [`${file}:${line}`, rule, key, message]
    .filter((part) => part !== null && part !== '')
    .join(': ');
}

type Path = readonly PropertyKey[];

class RuleReader {
  readonly #file: string;
  readonly #text: string;
  readonly #lines = new LineCounter();
  readonly #problems: RuleProblem[] = [];
  readonly #document: ReturnType<typeof parseDocument>;

  constructor(text: string, file: string) {
    this.#file = file;
    this.#text = text.length > MAX_TEXT ? '' : text;
    this.#document = parseDocument(this.#text, { lineCounter: this.#lines, uniqueKeys: true });
    if (text.length > MAX_TEXT) this.#add([], null, '', 'larger than 4 MiB: that is no rule file');
  }

  read(otherRules: readonly Explaining[]): ParsedRules {
    for (const { pos, message } of this.#document.errors) {
      const line = this.#lines.linePos(pos[0]).line;
      const what = `not valid YAML: ${message.split(/ at line |\n/)[0]}`;
      this.#problems.push({ file: this.#file, line, rule: null, key: '', message: what });
    }
    if (this.#problems.length > 0) return this.#answer([]);
    const entries = this.#entries();
    const read = entries.map((entry, i) => this.#rule(entry, i));
    const names = entries.map((entry, i) => nameOf(entry) ?? `rules[${i}]`);
    names.forEach((name, i) => {
      const first = names.indexOf(name);
      if (first === i) return;
      const where = this.#lineOf(['rules', first, 'name']);
      this.#add(['rules', i, 'name'], name, 'name', `used in line ${where} already`);
    });
    const known = [...otherRules.map(({ name }) => name), ...names];
    const rules = read.flatMap((rule, i) => {
      if (rule === null) return [];
      for (const { key, message } of checkRule(rule, known)) {
        this.#add(['rules', i, ...key.split('.')], rule.name, key, message);
      }
      return [rule];
    });
    this.#findCircles(rules, names, otherRules);
    return this.#answer(rules);
  }

  #answer(rules: readonly AlertRule[]): ParsedRules {
    const bad = new Set(this.#problems.map(({ rule }) => rule));
    return {
      rules: rules.filter(({ name }) => !bad.has(name)),
      problems: this.#problems.sort((a, b) => a.line - b.line),
    };
  }

  #entries(): readonly unknown[] {
    let tree: unknown;
    try {
      tree = this.#document.toJS() ?? {};
    } catch (cause) {
      this.#add([], null, '', `not valid YAML: ${aliasText(cause)}`);
      return [];
    }
    if (typeof tree !== 'object' || tree === null || Array.isArray(tree)) {
      this.#add([], null, '', 'expected "rules:" and a list of rules');
      return [];
    }
    for (const key of Object.keys(tree)) {
      if (key === 'rules') continue;
      const hint = key === 'groups' ? ' (Prometheus’ groups are not used: list the rules)' : '';
      this.#add([key], null, key, `unknown key; a rule file has rules${hint}`);
    }
    const rules: unknown = 'rules' in tree ? (tree.rules ?? []) : [];
    if (!Array.isArray(rules)) {
      this.#add(['rules'], null, 'rules', 'expected a list of rules, each with a name');
      return [];
    }
    if (rules.length > MAX_RULES) {
      this.#add(['rules'], null, 'rules', `more than ${MAX_RULES} rules`);
      return [];
    }
    return rules;
  }

  #rule(entry: unknown, i: number): AlertRule | null {
    const parsed = alertRuleSchema.safeParse(entry, { reportInput: true });
    if (parsed.success) return parsed.data;
    const rule = nameOf(entry) ?? `rules[${i}]`;
    for (const issue of parsed.error.issues) this.#addIssue(issue, i, rule);
    return null;
  }

  #addIssue(issue: z.core.$ZodIssue, i: number, rule: string): void {
    const path = issue.path;
    if (issue.code === 'unrecognized_keys') {
      for (const key of issue.keys) {
        const full = [...path, key];
        const known = knownKeys(path);
        const near = closest(key, known);
        const hint = near === null ? `known ones are ${known.join(', ')}` : `did you mean ${near}?`;
        this.#add(['rules', i, ...full], rule, full.join('.'), `unknown key; ${hint}`);
      }
      return;
    }
    this.#add(['rules', i, ...path], rule, path.join('.'), issueText(issue));
  }

  /** A circle of causes would leave nobody to be told. */
  #findCircles(
    rules: readonly AlertRule[],
    names: readonly string[],
    otherRules: readonly Explaining[],
  ): void {
    const all = [...otherRules.filter(({ name }) => !names.includes(name)), ...rules];
    for (const { name } of rules) {
      const path = circleThrough(name, all);
      if (path === null) continue;
      const where: Path = ['rules', names.indexOf(name), 'explains'];
      this.#add(where, name, 'explains', circleText(path));
      return;
    }
  }

  #add(path: Path, rule: string | null, key: string, message: string): void {
    this.#problems.push({ file: this.#file, line: this.#lineOf(path), rule, key, message });
  }

  /** Of the key where there is one, else of the nearest thing around it. */
  #lineOf(path: Path): number {
    for (let length = path.length; length > 0; length--) {
      const parent = this.#document.getIn(path.slice(0, length - 1), true);
      const last = path[length - 1];
      if (isMap(parent)) {
        const pair = parent.items.find(({ key }) => isScalar(key) && key.value === last);
        if (isNode(pair?.key)) return this.#lineAt(pair.key.range);
      }
      const node = this.#document.getIn(path.slice(0, length), true);
      if (isNode(node)) return this.#lineAt(node.range);
    }
    return 1;
  }

  #lineAt(range: readonly [number, number, number] | null | undefined): number {
    return range == null ? 1 : this.#lines.linePos(range[0]).line;
  }
}

function nameOf(entry: unknown): string | null {
  if (typeof entry !== 'object' || entry === null || !('name' in entry)) return null;
  return typeof entry.name === 'string' ? entry.name : null;
}

function issueText(issue: z.core.$ZodIssue): string {
  if (issue.code === 'invalid_value') {
    return `write one of ${issue.values.map(String).join(', ')}`;
  }
  if (issue.code === 'invalid_type') {
    const isAbsent = issue.input === undefined;
    return isAbsent ? `is missing: a ${issue.expected} is needed` : `must be a ${issue.expected}`;
  }
  return issue.message;
}

/** Keys of a mapping of the rule. */
function knownKeys(path: Path): string[] {
  let schema: unknown = alertRuleSchema;
  for (const name of path) schema = shapeOf(schema)?.[String(name)];
  return Object.keys(shapeOf(schema) ?? {});
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> | null {
  if (schema instanceof z.ZodOptional || schema instanceof z.ZodDefault) {
    return shapeOf(schema.unwrap());
  }
  return schema instanceof z.ZodObject ? schema.shape : null;
}

/** Aliases are looked up when the tree is made; most are patterns that want quotes. */
function aliasText(cause: unknown): string {
  const why = cause instanceof Error ? (cause.message.split('\n')[0] ?? '') : String(cause);
  return `${why}; a text that begins with * or & needs quotes`;
}
