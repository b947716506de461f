/**
 * Regular expressions of matchers, in the syntax of RE2 as far as people use it there, anchored at both
 * ends, in time that is linear in the text: whoever may write a silence must not be able to stop the
 * collector with `(a+)+b`, which JavaScript's own engine would try for years.
 *
 * A pattern becomes the states of a Thompson machine; a text runs through all of them at once.
 * Look-around, back-references and word boundaries are refused.
 */
import { err, ok, type Result } from './result.ts';

type Ranges = readonly (readonly [from: number, to: number])[];

type Node =
  | { readonly kind: 'char'; readonly ranges: Ranges; readonly negated: boolean }
  | { readonly kind: 'cat'; readonly parts: readonly Node[] }
  | { readonly kind: 'alt'; readonly options: readonly Node[] }
  | { readonly kind: 'repeat'; readonly node: Node; readonly min: number; readonly max: number }
  | { readonly kind: 'start' | 'end' };

interface State {
  /** Of a step that takes a character; null: one that takes none. */
  readonly takes: { readonly ranges: Ranges; readonly negated: boolean } | null;
  readonly only: 'start' | 'end' | null;
  next: number[];
}

const MAX_PATTERN = 1024;
const MAX_STATES = 4000;
const MAX_REPEAT = 1000;

const DIGIT: Ranges = [[48, 57]];
const WORD: Ranges = [
  [48, 57],
  [65, 90],
  [95, 95],
  [97, 122],
];
const SPACE: Ranges = [
  [9, 10],
  [12, 13],
  [32, 32],
];
const CLASSES: Readonly<Record<string, Ranges>> = { d: DIGIT, w: WORD, s: SPACE };
const CONTROLS: Readonly<Record<string, string>> = { n: '\n', t: '\t', r: '\r', f: '\f', v: '\v' };

class PatternError extends Error {}

/** Does the whole text match? The error says what is wrong with the pattern. */
export function linearRegex(pattern: string): Result<(text: string) => boolean, string> {
  try {
    if (pattern.length > MAX_PATTERN) {
      throw new PatternError(`it is longer than ${MAX_PATTERN} characters`);
    }
    const folds = pattern.startsWith('(?i)');
    const parser = new Parser(folds ? pattern.slice(4) : pattern);
    const machine = new Machine(parser.parse(), folds);
    return ok((text) => machine.matches(text));
  } catch (error) {
    if (!(error instanceof PatternError)) throw error;
    return err(`${JSON.stringify(pattern.slice(0, 64))} is not a pattern: ${error.message}`);
  }
}

class Parser {
  readonly #chars: readonly string[];
  #at = 0;
  #depth = 0;

  constructor(pattern: string) {
    this.#chars = [...pattern];
  }

  parse(): Node {
    const node = this.#alternatives();
    if (this.#at < this.#chars.length) throw new PatternError('a ) has no (');
    return node;
  }

  #alternatives(): Node {
    if (++this.#depth > 100) throw new PatternError('its groups are nested too deep');
    const options = [this.#sequence()];
    while (this.#eat('|')) options.push(this.#sequence());
    this.#depth--;
    return options.length === 1 ? options[0]! : { kind: 'alt', options };
  }

  #sequence(): Node {
    const parts: Node[] = [];
    while (this.#at < this.#chars.length && !['|', ')'].includes(this.#chars[this.#at]!)) {
      parts.push(this.#repeated(this.#atom()));
    }
    return { kind: 'cat', parts };
  }

  #repeated(atom: Node): Node {
    const bounds = this.#bounds();
    if (bounds === null) return atom;
    // Lazy or greedy: a match of the whole text is one or none.
    this.#eat('?');
    if (['*', '+', '?'].includes(this.#chars[this.#at] ?? '')) {
      throw new PatternError('a repetition is repeated');
    }
    return { kind: 'repeat', node: atom, ...bounds };
  }

  #bounds(): { min: number; max: number } | null {
    if (this.#eat('*')) return { min: 0, max: Number.POSITIVE_INFINITY };
    if (this.#eat('+')) return { min: 1, max: Number.POSITIVE_INFINITY };
    if (this.#eat('?')) return { min: 0, max: 1 };
    const rest = this.#chars.slice(this.#at, this.#at + 12).join('');
    const counted = /^\{(\d+)(,(\d*))?\}/.exec(rest);
    if (counted === null) return null;
    this.#at += counted[0].length;
    const min = Number(counted[1]);
    const upper = counted[3];
    const max =
      counted[2] === undefined ? min : upper === '' ? Number.POSITIVE_INFINITY : Number(upper);
    if (max < min) throw new PatternError(`${counted[0]} ends before it starts`);
    if (min > MAX_REPEAT || (Number.isFinite(max) && max > MAX_REPEAT)) {
      throw new PatternError(`${counted[0]} repeats more than ${MAX_REPEAT} times`);
    }
    return { min, max };
  }

  #atom(): Node {
    const char = this.#next();
    switch (char) {
      case '(': {
        if (this.#eat('?') && !this.#eat(':')) {
          throw new PatternError('of (?…) only (?:…), and (?i) at its start, are known');
        }
        const node = this.#alternatives();
        if (!this.#eat(')')) throw new PatternError('a ( has no )');
        return node;
      }
      case '[':
        return this.#set();
      case '.':
        return { kind: 'char', ranges: [], negated: true };
      case '^':
        return { kind: 'start' };
      case '$':
        return { kind: 'end' };
      case '\\':
        return this.#escaped();
      case '*':
      case '+':
      case '?':
        throw new PatternError(`nothing stands before "${char}"`);
      default:
        return literal(char);
    }
  }

  #escaped(): Node {
    if (this.#at >= this.#chars.length) throw new PatternError('it ends with a \\');
    const char = this.#next();
    const named = CLASSES[char.toLowerCase()];
    if (named !== undefined && /[dwsDWS]/.test(char)) {
      return { kind: 'char', ranges: named, negated: char !== char.toLowerCase() };
    }
    return literal(escapedChar(char));
  }

  #set(): Node {
    const negated = this.#eat('^');
    const ranges: (readonly [number, number])[] = [];
    for (let first = true; ; first = false) {
      if (this.#at >= this.#chars.length) throw new PatternError('a [ has no ]');
      let char = this.#next();
      if (char === ']' && !first) return { kind: 'char', ranges, negated };
      if (char === '[' && this.#chars[this.#at] === ':') {
        throw new PatternError('named classes such as [[:alpha:]] are not known here');
      }
      if (char === '\\') {
        char = this.#next();
        const named = /[dws]/.test(char) ? CLASSES[char] : undefined;
        if (named !== undefined) {
          ranges.push(...named);
          continue;
        }
        char = escapedChar(char);
      }
      const from = char.codePointAt(0)!;
      let to = from;
      if (this.#chars[this.#at] === '-' && (this.#chars[this.#at + 1] ?? ']') !== ']') {
        this.#at++;
        let end = this.#next();
        if (end === '\\') end = escapedChar(this.#next());
        to = end.codePointAt(0)!;
        if (to < from) throw new PatternError(`the range ${char}-${end} runs backwards`);
      }
      ranges.push([from, to]);
    }
  }

  #next(): string {
    const char = this.#chars[this.#at];
    if (char === undefined) throw new PatternError('it ends in the middle');
    this.#at++;
    return char;
  }

  #eat(char: string): boolean {
    if (this.#chars[this.#at] !== char) return false;
    this.#at++;
    return true;
  }
}

function literal(char: string): Node {
  const code = char.codePointAt(0)!;
  return { kind: 'char', ranges: [[code, code]], negated: false };
}

function escapedChar(char: string): string {
  const control = CONTROLS[char];
  if (control !== undefined) return control;
  if (/[a-zA-Z0-9]/.test(char)) throw new PatternError(`\\${char} is not known here`);
  return char;
}

class Machine {
  readonly #states: State[] = [];
  readonly #folds: boolean;
  readonly #start: number;
  readonly #end: number;

  constructor(node: Node, folds: boolean) {
    this.#folds = folds;
    this.#end = this.#add(null);
    this.#start = this.#build(node, this.#end);
  }

  matches(text: string): boolean {
    let current: number[] = [];
    const seenAt = new Int32Array(this.#states.length).fill(-1);
    const length = text.length;
    this.#enter(current, this.#start, 0, length, seenAt);
    for (let at = 0; at < length && current.length > 0; ) {
      const code = text.codePointAt(at)!;
      at += code > 0xffff ? 2 : 1;
      const following: number[] = [];
      for (const state of current) {
        const { takes, next } = this.#states[state]!;
        if (takes === null || !this.#takes(takes, code)) continue;
        this.#enter(following, next[0]!, at, length, seenAt);
      }
      current = following;
      if (at >= length) break;
    }
    return current.includes(this.#end);
  }

  /** Adds a state and all that it reaches without a character; each once for each place. */
  #enter(into: number[], first: number, at: number, length: number, seenAt: Int32Array): void {
    const stack = [first];
    while (stack.length > 0) {
      const state = stack.pop()!;
      if (seenAt[state] === at) continue;
      seenAt[state] = at;
      const { takes, only, next } = this.#states[state]!;
      if ((only === 'start' && at !== 0) || (only === 'end' && at !== length)) continue;
      into.push(state);
      if (takes === null) stack.push(...next);
    }
  }

  #takes({ ranges, negated }: NonNullable<State['takes']>, code: number): boolean {
    const isIn = (one: number) => ranges.some(([from, to]) => one >= from && one <= to);
    let found = isIn(code);
    if (!found && this.#folds) {
      const char = String.fromCodePoint(code);
      found = isIn(char.toLowerCase().codePointAt(0)!) || isIn(char.toUpperCase().codePointAt(0)!);
    }
    return found !== negated;
  }

  #add(takes: State['takes'], next: number[] = [], only: State['only'] = null): number {
    if (this.#states.length >= MAX_STATES) {
      throw new PatternError('it is too large; its repetitions multiply');
    }
    return this.#states.push({ takes, only, next }) - 1;
  }

  /** The state in which `node`, and then `after`, begins. */
  #build(node: Node, after: number): number {
    switch (node.kind) {
      case 'char':
        return this.#add(node, [after]);
      case 'start':
      case 'end':
        return this.#add(null, [after], node.kind);
      case 'cat':
        return node.parts.reduceRight((next, part) => this.#build(part, next), after);
      case 'alt':
        return this.#add(
          null,
          node.options.map((option) => this.#build(option, after)),
        );
      case 'repeat': {
        let next = after;
        if (Number.isFinite(node.max)) {
          for (let i = node.min; i < node.max; i++) {
            next = this.#add(null, [this.#build(node.node, next), after]);
          }
        } else {
          next = this.#add(null, [after]);
          this.#states[next]!.next.push(this.#build(node.node, next));
        }
        for (let i = 0; i < node.min; i++) next = this.#build(node.node, next);
        return next;
      }
    }
  }
}
