import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { JsonCursor, JsonType } from '#lib/wire/json-cursor.ts';
import { MalformedInput } from '#lib/wire/malformed-input.ts';

const over = (text: string) => JsonCursor.over(Buffer.from(text));

/** Does the scanner take the whole text as one value? */
function accepts(text: string): boolean {
  const cursor = over(text);
  try {
    cursor.skip();
    return !cursor.more();
  } catch (error) {
    if (error instanceof MalformedInput) return false;
    throw error;
  }
}

function parses(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    return false;
  }
}

function readText(json: string): string {
  const cursor = over(json);
  cursor.string();
  return cursor.text();
}

describe('JsonCursor', () => {
  it('passes over exactly what JSON.parse takes', () => {
    fc.assert(
      fc.property(fc.json({ maxDepth: 4 }), fc.nat(), fc.nat(3), (json, at, kind) => {
        expect(accepts(json)).toBe(true);
        const cut = at % (json.length + 1);
        const pieces = ['', json[cut] === '1' ? '2' : '1', ',', '}'];
        const changed = json.slice(0, cut) + pieces[kind] + json.slice(cut + 1);
        // Escapes and deep nesting aside, both must agree on damaged texts too.
        if (!changed.includes('\\'))
          expect([changed, accepts(changed)]).toEqual([changed, parses(changed)]);
      }),
      { numRuns: 3000, seed: 8 },
    );
  });

  it('reads the same strings as JSON.parse, escaped in any way', () => {
    const unit = fc.string({ unit: 'binary', maxLength: 20 });
    fc.assert(
      fc.property(unit, fc.boolean(), (text, escapeAll) => {
        const plain = JSON.stringify(text);
        const hex = [...Array(text.length).keys()]
          .map((i) => `\\u${text.charCodeAt(i).toString(16).padStart(4, '0').toUpperCase()}`)
          .join('');
        expect(readText(escapeAll ? `"${hex}"` : plain)).toBe(text.toWellFormed());
      }),
      { numRuns: 2000, seed: 9 },
    );
    expect(readText('"a\\/b\\b\\f\\n\\r\\t\\"\\\\"')).toBe('a/b\b\f\n\r\t"\\');
    expect(readText('"\\ud800x"')).toBe('\ufffdx');
  });

  it('keeps every digit of 64-bit integers, from numbers and strings', () => {
    fc.assert(
      fc.property(fc.bigInt({ min: 0n, max: 2n ** 64n - 1n }), fc.boolean(), (value, quoted) => {
        const cursor = over(quoted ? `"${value}"` : `${value}`);
        expect(cursor.unsigned64()).toBe(true);
        expect((BigInt(cursor.high) << 32n) + BigInt(cursor.low)).toBe(value);
      }),
      { numRuns: 2000, seed: 10 },
    );
  });

  it.each(['"18446744073709551616"', '"-1"', '1.5', '"x"', '""', 'true', '{}', '"1e30"'])(
    'does not take %s as an unsigned 64-bit integer',
    (json) => {
      const cursor = over(json);
      expect(cursor.unsigned64()).toBe(false);
      expect(cursor.more()).toBe(false);
    },
  );

  it.each([
    ['', 'the text ends where a value should be at byte 0'],
    ['{"a":1', 'a comma or a closing bracket is missing at byte 6'],
    ['[1,]', 'a value is missing after a comma at byte 3'],
    ['{"a" 1}', 'a colon is missing at byte 5'],
    ['"abc', 'a string does not end at byte 0'],
    ['nul', 'an unknown word at byte 0'],
    ['['.repeat(300), 'nested deeper than 256 levels at byte 256'],
  ])('says what is wrong with %s, and where', (json, message) => {
    expect(() => over(json).skip()).toThrow(`malformed JSON: ${message}`);
  });

  it('leaves the caller its bytes', () => {
    const body = Buffer.from('"a\\u0041b"');
    const cursor = JsonCursor.over(body);
    expect(cursor.peek()).toBe(JsonType.string);
    cursor.string();
    expect(cursor.text()).toBe('aAb');
    expect(body.toString()).toBe('"a\\u0041b"');
  });
});
