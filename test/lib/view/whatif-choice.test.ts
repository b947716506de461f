import fc from 'fast-check';
import { expect, test } from 'vitest';
import {
  choiceSet,
  FACTOR_LIMITS,
  MAX_MICROBATCHES,
  MAX_WORKERS,
  NO_CHOICE,
  parseChoice,
  parseCount,
  parseFactor,
  type WhatifChoice,
} from '#lib/view/whatif-choice.ts';

const TODAY = { attention: 8, ffn: 4 };

test('no change needs no words', () => {
  expect(choiceSet(NO_CHOICE, TODAY)).toEqual([]);
  expect(choiceSet({ ...NO_CHOICE, ...TODAY, network: 1 }, TODAY)).toEqual([]);
  expect(parseChoice([])).toEqual(NO_CHOICE);
});

test('every control writes the text of the API', () => {
  const choice: WhatifChoice = {
    attention: 12,
    ffn: 4,
    microbatches: 4,
    batch: 0.5,
    network: 0.25,
    fix: ['attention/2', 'ffn/0'],
    levelExperts: true,
    stages: [{ stage: 'expert', factor: 0.8 }],
  };
  const set = choiceSet(choice, TODAY);
  expect(set).toEqual([
    'ratio=12A4F',
    'microbatches=4',
    'batch=0.5',
    'network=0.25',
    'fix=attention/2',
    'fix=ffn/0',
    'experts=level',
    'stage:expert=0.8',
  ]);
  expect(parseChoice(set)).toEqual(choice);
});

test('any choice comes back from its texts', () => {
  const count = (max: number) => fc.integer({ min: 1, max });
  const factor = fc
    .integer({ min: 1, max: 399 })
    .map((twentieth) => twentieth / 20)
    .filter((value) => value !== 1);
  const choice = fc.record<WhatifChoice>({
    attention: count(MAX_WORKERS),
    ffn: count(MAX_WORKERS),
    microbatches: fc.option(count(MAX_MICROBATCHES)),
    batch: fc.option(factor),
    network: fc.option(factor),
    fix: fc.uniqueArray(fc.string({ minLength: 1 }), { maxLength: 3 }),
    levelExperts: fc.boolean(),
    stages: fc.uniqueArray(fc.record({ stage: fc.constantFrom('expert', 'gate', 'a=b'), factor }), {
      selector: ({ stage }) => stage,
      maxLength: 2,
    }),
  });
  fc.assert(
    fc.property(choice, (value) => {
      // A stage's name holds no equals sign in any engine; such a text is not understood.
      const stages = value.stages.filter(({ stage }) => stage !== 'a=b');
      const isToday = value.attention === TODAY.attention && value.ffn === TODAY.ffn;
      expect(parseChoice(choiceSet(value, TODAY))).toEqual({
        ...value,
        ...(isToday ? { attention: null, ffn: null } : {}),
        stages,
      });
    }),
    { numRuns: 300, seed: 5 },
  );
});

test.each([
  'ratio=0A4F',
  'ratio=8A',
  'ratio=99999A1F',
  'microbatches=9',
  'microbatches=0',
  'batch=0',
  'network=-1',
  'network=1e3',
  'experts=uneven',
  'fix=',
  'stage:=0.5',
  'stage:expert=',
  'nonsense',
  '',
  '=',
])('%s is dropped', (text) => {
  expect(parseChoice([text])).toEqual(NO_CHOICE);
});

test('factors outside of the limits are none', () => {
  expect(parseFactor('0.05')).toBe(FACTOR_LIMITS[0]);
  expect(parseFactor('20')).toBe(FACTOR_LIMITS[1]);
  for (const text of ['0.04', '20.1', 'NaN', '1e1', '', '-1', '0x1']) {
    expect(parseFactor(text)).toBeNull();
  }
});

test('a stage that is named twice keeps the later factor, a worker is fixed once', () => {
  expect(parseChoice(['stage:gate=2', 'stage:gate=0.5', 'fix=ffn/1', 'fix=ffn/1'])).toEqual({
    ...NO_CHOICE,
    fix: ['ffn/1'],
    stages: [{ stage: 'gate', factor: 0.5 }],
  });
});

test.each([
  ['1', 1],
  ['16', 16],
  ['4096', 4096],
  ['', null],
  ['0', null],
  ['-3', null],
  ['1.5', null],
  ['1e3', null],
  ['4097', null],
  ['99999999', null],
])('%j as a count of workers: %s', (text, count) => {
  expect(parseCount(text, MAX_WORKERS)).toBe(count);
});
