import { describe, expect, test } from 'vitest';
import { checkNames, parseChanges } from '#lib/analysis/whatif-changes.ts';

describe('parseChanges', () => {
  test('every form', () => {
    const parsed = parseChanges([
      'ratio=12a4F',
      'microbatches=3',
      'batch=.5',
      'network=2',
      'fix=attention/2',
      'fix=ffn/0',
      'experts=level',
      'stage:expert=0.8',
      'stage:my=stage=2',
    ]);
    expect(parsed.ok).toBe(false);
    const good = parseChanges([
      'ratio=12a4F',
      'microbatches=3',
      'batch=.5',
      'network=2',
      'fix=attention/2',
      'fix=ffn/0',
      'experts=level',
      'stage:expert=0.8',
    ]);
    expect(good).toEqual({
      ok: true,
      value: {
        attention: 12,
        ffn: 4,
        microbatches: 3,
        batch: 0.5,
        network: 2,
        fixed: ['attention/2', 'ffn/0'],
        levelExperts: true,
        stages: new Map([['expert', 0.8]]),
      },
    });
  });

  test.each([
    ['ratio=12', 'such as ratio=12A4F'],
    ['ratio=0A4F', '1 to 4096'],
    ['ratio=12A9999F', '1 to 4096'],
    ['microbatches=9', 'from 1 to 8'],
    ['microbatches=2.5', 'from 1 to 8'],
    ['network=0', 'over 0 and up to 100 such as network=0.5'],
    ['network=-1', 'over 0'],
    ['network=1e3', 'over 0'],
    ['batch=fast', 'such as batch=0.5'],
    ['fix=', 'such as fix=attention/2'],
    ['experts=none', 'only experts=level'],
    ['stage:expert', 'such as stage:expert=0.8'],
    ['stage:=2', 'unknown change'],
    ['speed=2', 'unknown change; write ratio=12A4F, microbatches=3'],
    ['', 'unknown change'],
  ])('%s says what would be right', (set, message) => {
    const parsed = parseChanges([set]);
    expect(parsed).toMatchObject({ ok: false, error: { set } });
    expect(parsed.ok ? '' : parsed.error.message).toContain(message);
  });

  test('the same twice is refused, two workers are not', () => {
    expect(parseChanges(['network=2', 'network=3'])).toMatchObject({
      ok: false,
      error: { set: 'network=3', message: 'network is there twice' },
    });
    expect(parseChanges(['fix=a/1', 'fix=a/1']).ok).toBe(false);
    expect(parseChanges(['fix=a/1', 'fix=a/2']).ok).toBe(true);
    expect(parseChanges(['stage:gate=2', 'stage:expert=2']).ok).toBe(true);
    expect(parseChanges(Array.from({ length: 33 }, (_, i) => `fix=a/${i}`)).ok).toBe(false);
  });
});

test('names that are not there are answered with those that are', () => {
  const names = { workers: ['attention/0', 'ffn/0'], stages: ['attention', 'expert'] };
  const check = (set: string) => {
    const parsed = parseChanges([set]);
    return parsed.ok ? checkNames(parsed.value, names) : 'unparsed';
  };
  expect(check('fix=ffn/0')).toBeNull();
  expect(check('stage:expert=2')).toBeNull();
  expect(check('fix=ffn/7')).toEqual({
    set: 'fix=ffn/7',
    message: 'no such worker; there are attention/0, ffn/0',
  });
  expect(check('stage:moe=2')).toEqual({
    set: 'stage:moe',
    message: 'no such stage; there are attention, expert',
  });
});
