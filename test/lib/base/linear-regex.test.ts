import { createContext, Script } from 'node:vm';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { linearRegex } from '#lib/base/linear-regex.ts';

const matches = (pattern: string, text: string): boolean => {
  const compiled = linearRegex(pattern);
  if (!compiled.ok) throw new Error(compiled.error);
  return compiled.value(text);
};

/** Patterns of everything that is known, over a small alphabet, so that they often match. */
const pattern = fc.letrec<{ node: string; atom: string; seq: string }>((tie) => ({
  atom: fc.oneof(
    { weight: 5, arbitrary: fc.constantFrom('a', 'b', 'c', '.', '\\.', '\\d', '\\W', '😀') },
    { weight: 2, arbitrary: fc.constantFrom('[ab]', '[^a]', '[a-c1]', '[\\d-]', '[\\]x]') },
    { weight: 1, arbitrary: fc.constantFrom('^', '$') },
    { weight: 3, arbitrary: tie('node').map((node) => `(?:${node})`) },
  ),
  seq: fc
    .array(fc.tuple(tie('atom'), fc.constantFrom('', '', '*', '+', '?', '{2}', '{1,}', '{0,2}')), {
      maxLength: 4,
    })
    .map((parts) =>
      parts.map(([atom, count]) => (/^[$^]$/.test(atom) ? atom : atom + count)).join(''),
    ),
  node: fc.array(tie('seq'), { minLength: 1, maxLength: 3 }).map((options) => options.join('|')),
})).node;

const asked = createContext({ source: '', text: '' });
const question = new Script('new RegExp(source, "su").test(text)');

/**
 * JavaScript's own answer; null: not within `timeoutMs`. One in 50,000 of these patterns keeps its engine
 * busy for minutes or more.
 */
function nativeAnswer(source: string, text: string, timeoutMs = 200): boolean | null {
  Object.assign(asked, { source: `^(?:${source})$`, text });
  try {
    return question.runInContext(asked, { timeout: timeoutMs }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ERR_SCRIPT_EXECUTION_TIMEOUT') return null;
    throw error;
  }
}

describe('patterns', () => {
  test('mean what they mean to JavaScript', () => {
    let unanswered = 0;
    fc.assert(
      fc.property(
        pattern,
        fc.array(fc.constantFrom('a', 'b', 'c', '.', '1', '-', ']', '😀'), { maxLength: 6 }),
        (source, chars) => {
          const text = chars.join('');
          const ours = matches(source, text);
          const native = nativeAnswer(source, text);
          if (native === null) unanswered++;
          else expect(ours).toBe(native);
        },
      ),
      { numRuns: 2000 },
    );
    expect(unanswered).toBeLessThan(20);
  });

  test('one that keeps the other engine busy for more than a minute is answered', () => {
    const source =
      'b|\\.|(?:b?(?:|(?:😀.*.{1,}c?)|(?:){0,2}){2}(?:b(?:\\..+|c{2})?|(?:😀*.{0,2}\\W?){1,}|){1,}||b(?:.?😀?|c?^b\\.)?)+[ab]{1,}.{0,2}\\.';
    expect(nativeAnswer(source, 'a--😀]')).toBeNull();
    expect(matches(source, 'a--😀]')).toBe(false);
  });

  test('one that would keep another engine busy for years is answered', () => {
    expect(matches('(a+)+b', 'a'.repeat(1000))).toBe(false);
    expect(matches('(a|a)*(a|a)*(a|a)*c', 'a'.repeat(1000))).toBe(false);
    expect(matches('(a?){100}a{100}', 'a'.repeat(100))).toBe(true);
  });

  test('case is ignored where the pattern says so', () => {
    expect(matches('(?i)ffn/[a-c]+', 'FFN/AbC')).toBe(true);
    expect(matches('ffn', 'FFN')).toBe(false);
  });

  test.each([
    ['(', 'has no )'],
    ['a)', 'has no ('],
    ['[a', 'has no ]'],
    ['*a', 'nothing stands before'],
    ['a**', 'repeated'],
    ['a{3,2}', 'ends before it starts'],
    ['a{5000}', 'more than 1000'],
    ['((a{900}){900})', 'too large'],
    ['(?=a)', 'only (?:…)'],
    ['(?<x>a)', 'only (?:…)'],
    ['\\1', '\\1 is not known'],
    ['\\b', '\\b is not known'],
    ['a\\', 'ends with'],
    ['[z-a]', 'backwards'],
    ['x'.repeat(2000), 'longer than'],
    ['('.repeat(500), 'too deep'],
  ])('%s is refused with a reason', (source, reason) => {
    const compiled = linearRegex(source);
    expect(compiled.ok ? '' : compiled.error).toContain(reason);
  });

  test('never throws, whatever it is', () => {
    fc.assert(
      fc.property(fc.string({ maxLength: 40 }), fc.string({ maxLength: 20 }), (source, text) => {
        const compiled = linearRegex(source);
        if (compiled.ok) compiled.value(text);
      }),
      { numRuns: 2000 },
    );
  });
});
