/** A rule as YAML and back, with the line of everything that is wrong. */
import { LineCounter, parseDocument, stringify } from 'yaml';
import { checkRule, compactRule, type RuleDraft, type RulePath } from './rule-draft.ts';

export interface YamlProblem {
  /** From 1; null: of the whole text. */
  readonly line: number | null;
  /** Such as `baseline.over`; '' where it is not of a key. */
  readonly key: string;
  readonly message: string;
}

export interface ParsedRule {
  /** null: the text is no mapping. */
  readonly draft: RuleDraft | null;
  readonly problems: readonly YamlProblem[];
}

export function ruleYaml(rule: RuleDraft): string {
  return stringify(compactRule(rule), { lineWidth: 90 });
}

/** A rule file. */
export function ruleFileYaml(rules: readonly RuleDraft[]): string {
  return stringify({ rules: rules.map(compactRule) }, { lineWidth: 90 });
}

/** Reads a mapping; or a rule file that holds one rule. */
export function parseRuleYaml(text: string): ParsedRule {
  const lines = new LineCounter();
  const document = parseDocument(text, { lineCounter: lines, uniqueKeys: true });
  if (document.errors.length > 0) {
    return {
      draft: null,
      problems: document.errors.map(({ message, linePos }) => ({
        line: linePos?.[0].line ?? null,
        key: '',
        message: message.split('\n')[0]!.replace(/ at line \d+, column \d+:?$/, ''),
      })),
    };
  }
  let whole: unknown;
  try {
    whole = document.toJS();
  } catch {
    return wrong('a text that begins with * or & needs quotes');
  }
  const base = basePath(whole);
  if (base === null) return wrong('write one rule: keys such as name, metric and threshold');
  const found: unknown = base.length === 0 ? whole : document.toJS().rules[0];
  if (!isRecord(found)) return wrong('write one rule: keys such as name, metric and threshold');
  const lineOf = (path: RulePath): number | null => {
    // A key that is missing is missing in the mapping around it.
    for (let length = path.length; length > 0; length--) {
      const node: unknown = document.getIn([...base, ...path.slice(0, length)], true);
      if (hasRange(node)) return lines.linePos(node.range[0]).line;
    }
    return null;
  };
  return {
    draft: found,
    problems: checkRule(found).problems.map(({ path, message }) => ({
      line: lineOf(path),
      key: path.join('.'),
      message,
    })),
  };
}

function wrong(message: string): ParsedRule {
  return { draft: null, problems: [{ line: null, key: '', message }] };
}

/** Where in the document the rule lies; null: there is none, or several. */
function basePath(whole: unknown): RulePath | null {
  if (!isRecord(whole)) return null;
  if (!('rules' in whole) || 'metric' in whole) return [];
  return Array.isArray(whole.rules) && whole.rules.length === 1 ? ['rules', 0] : null;
}

function isRecord(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

function hasRange(node: unknown): node is { readonly range: readonly [number, number, number] } {
  return typeof node === 'object' && node !== null && 'range' in node && Array.isArray(node.range);
}
