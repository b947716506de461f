/**
 * The small language of a timeline's search: words and pairs, all of which must hold.
 *
 *     step:120..130 layer:5 mb:1 stage:expert worker:ffn/* dur>1ms "new kernel"
 */
import { KINDS } from '#lib/table/codes.ts';
import { BadQuestionError } from './errors.ts';

/** Both ends belong to it. */
export interface Range {
  readonly from: number;
  readonly to: number;
}

export const NUMBER_KEYS = ['step', 'layer', 'mb', 'peer', 'domain', 'tokens'] as const;
export const NAME_KEYS = ['stage', 'worker', 'group', 'kind'] as const;
type NumberKey = (typeof NUMBER_KEYS)[number];
type NameKey = (typeof NAME_KEYS)[number];

export interface SearchQuery {
  readonly numbers: ReadonlyMap<NumberKey, readonly Range[]>;
  /** Each as a test of the whole name. */
  readonly names: ReadonlyMap<NameKey, readonly RegExp[]>;
  /** Nanoseconds. */
  readonly durations: readonly Range[];
  /** In lower case. */
  readonly words: readonly string[];
}

const MAX_LENGTH = 500;
const MAX_TERMS = 16;
const KEYS = [...NUMBER_KEYS, ...NAME_KEYS, 'dur'];
const ALIASES: Readonly<Record<string, string>> = {
  microbatch: 'mb',
  duration: 'dur',
};
const UNIT_NS: Readonly<Record<string, number>> = {
  '': 1,
  ns: 1,
  us: 1e3,
  µs: 1e3,
  ms: 1e6,
  s: 1e9,
};

/** @throws BadQuestionError that says what would be right. */
export function parseSearch(text: string): SearchQuery {
  if (text.length > MAX_LENGTH) throw wrong(`Write at most ${MAX_LENGTH} characters.`);
  const terms = [...text.matchAll(/"([^"]*)"|\S+/g)];
  if (terms.length === 0)
    throw wrong('Write what to look for, such as step:120 stage:expert dur>1ms.');
  if (terms.length > MAX_TERMS) throw wrong(`Write at most ${MAX_TERMS} words and pairs.`);
  const numbers = new Map<NumberKey, Range[]>();
  const names = new Map<NameKey, RegExp[]>();
  const durations: Range[] = [];
  const words: string[] = [];
  for (const [term, quoted] of terms) {
    const pair = quoted === undefined ? /^([a-zA-Z_]+)(>=|<=|[:=<>])(.*)$/.exec(term) : null;
    if (pair === null) {
      const word = (quoted ?? term).trim().toLowerCase();
      if (word !== '') words.push(word);
      continue;
    }
    const [, written, operator, value] = pair as unknown as [string, string, string, string];
    const key = keyOf(written);
    if (key === 'dur') {
      durations.push(rangeOf(term, operator, value, durationOf));
    } else if (isOf(NUMBER_KEYS, key)) {
      numbers.set(key, [...(numbers.get(key) ?? []), rangeOf(term, operator, value, integerOf)]);
    } else if (isOf(NAME_KEYS, key)) {
      names.set(key, [...(names.get(key) ?? []), nameTest(term, key, operator, value)]);
    }
  }
  return { numbers, names, durations, words };
}

function isOf<Name extends string>(names: readonly Name[], name: string): name is Name {
  return names.some((known) => known === name);
}

function keyOf(written: string): string {
  const name = written.toLowerCase();
  const key = ALIASES[name] ?? name;
  if (KEYS.includes(key)) return key;
  throw wrong(
    `There is no "${written}" to look for. Known: ${KEYS.join(', ')}. Put words with a colon in quotes.`,
  );
}

function rangeOf(
  term: string,
  operator: string,
  value: string,
  read: (term: string, text: string) => number,
): Range {
  if (operator === ':' || operator === '=') {
    const ends = value.split('..');
    if (ends.length > 2) throw wrong(`"${term}" has too many dots: write it as step:120..130.`);
    const [first, last = first] = ends as [string, string?];
    const from = first === '' && ends.length === 2 ? -Infinity : read(term, first);
    const to = last === '' && ends.length === 2 ? Infinity : read(term, last!);
    if (from > to) throw wrong(`"${term}" ends before it begins.`);
    return { from, to };
  }
  const limit = read(term, value);
  if (operator === '>') return { from: above(limit), to: Infinity };
  if (operator === '>=') return { from: limit, to: Infinity };
  return { from: -Infinity, to: operator === '<' ? below(limit) : limit };
}

/** All values are whole. */
function above(limit: number): number {
  return Math.floor(limit) + 1;
}

function below(limit: number): number {
  return Math.ceil(limit) - 1;
}

function integerOf(term: string, text: string): number {
  if (/^-?\d{1,15}$/.test(text)) return Number(text);
  throw wrong(
    `"${term}" needs a whole number, or two with .. between them, such as step:120..130.`,
  );
}

function durationOf(term: string, text: string): number {
  const parts = /^(\d{1,15}(?:\.\d{1,9})?)(ns|us|µs|ms|s|)$/.exec(text);
  if (parts !== null) return Number(parts[1]) * UNIT_NS[parts[2]!]!;
  throw wrong(`"${term}" needs a time with its unit: ns, us, ms or s, such as dur>1.5ms.`);
}

function nameTest(term: string, key: NameKey, operator: string, value: string): RegExp {
  if ((operator !== ':' && operator !== '=') || value === '') {
    throw wrong(`"${term}" needs a name, such as stage:expert or worker:ffn/*.`);
  }
  if (key === 'kind' && !KINDS.some((kind) => kind === value)) {
    throw wrong(`"${value}" is no kind. Known: ${KINDS.join(', ')}.`);
  }
  const pattern = value
    .split('*')
    .map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    .join('.*');
  return new RegExp(`^${pattern}$`, 'i');
}

function wrong(message: string): BadQuestionError {
  return new BadQuestionError('q', message);
}

export function inRanges(ranges: readonly Range[] | undefined, value: number): boolean {
  return ranges === undefined || ranges.every(({ from, to }) => value >= from && value <= to);
}

export function fitsNames(tests: readonly RegExp[] | undefined, name: string): boolean {
  return tests === undefined || tests.every((test) => test.test(name));
}
