/** Matchers as Alertmanager writes them: `severity="critical"`, `deployment=~"prod-.*"`, `worker!="ffn/3"`. */
import { err, ok, type Result } from '#lib/base/result.ts';

export interface WrittenMatcher {
  readonly name: string;
  readonly value: string;
  readonly isRegex: boolean;
  readonly isEqual: boolean;
}

const MATCHER =
  /^\s*([a-zA-Z_][a-zA-Z0-9_]*)\s*(=~|!~|!=|=)\s*(?:"((?:[^"\\]|\\.)*)"|([^"]*?))\s*$/;

const ESCAPES: Readonly<Record<string, string>> = { n: '\n', '"': '"', '\\': '\\' };

/** Quotes around the value may be left out. The label `rule` is another name of `alertname`. */
export function parseMatcher(text: string): Result<WrittenMatcher, string> {
  const match = MATCHER.exec(text);
  if (match === null) {
    return err('write a matcher such as severity="critical", worker!="ffn/3" or group=~"ffn.*"');
  }
  const [, name, operator, quoted, bare] = match;
  const value =
    bare ?? quoted!.replace(/\\(.)/g, (whole, letter: string) => ESCAPES[letter] ?? whole);
  const isRegex = operator === '=~' || operator === '!~';
  if (isRegex && !isRegularExpression(value)) {
    return err(`"${value}" is not a regular expression`);
  }
  return ok({
    name: alertLabel(name!),
    value,
    isRegex,
    isEqual: operator === '=' || operator === '=~',
  });
}

/** `rule` is what people call what Prometheus labels `alertname`. */
export function alertLabel(name: string): string {
  return name === 'rule' ? 'alertname' : name;
}

function isRegularExpression(text: string): boolean {
  try {
    new RegExp(`^(?:${text})$`);
    return true;
  } catch {
    return false;
  }
}
