import { beforeEach, describe, expect, test } from 'vitest';
import { ConditionBoard } from '#collector/observe/condition-board.ts';
import { CONDITION_TEXTS } from '#collector/observe/condition-texts.ts';
import { CONDITION_NAMES, conditionSchema } from '#lib/api/condition.ts';

let lines: { level: string; fields: object; message: string }[];
let board: ConditionBoard;

beforeEach(() => {
  lines = [];
  const keep = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields, message });
  };
  board = new ConditionBoard({ info: keep('info'), warn: keep('warn'), error: keep('error') });
});

describe('condition board', () => {
  test('told once on entering and once on leaving, whatever is reported in between', () => {
    for (let i = 0; i < 5; i++) board.begin('disk-full', `try ${i}`, 1000 + i);
    expect(board.active()).toMatchObject([{ sinceUnixMs: 1000, detail: 'try 4' }]);
    board.end('disk-full');
    board.end('disk-full');
    expect(lines.map(({ level }) => level)).toEqual(['error', 'info']);
    expect(lines[0]?.message).toBe(`disk-full: try 0. ${CONDITION_TEXTS['disk-full'].remedy}`);
    expect(lines[0]?.fields).toEqual({ condition: 'disk-full' });
    expect(board.active()).toEqual([]);
    expect(board.entered('disk-full')).toBe(1);
    board.begin('disk-full', 'again', 9000);
    expect(board.active()[0]?.sinceUnixMs).toBe(9000);
    expect(board.entered('disk-full')).toBe(2);
  });

  test('those that refuse requests come first; each fits the contract', () => {
    for (const name of [...CONDITION_NAMES].reverse()) board.begin(name, 'facts', 1);
    const active = board.active();
    expect(active).toHaveLength(CONDITION_NAMES.length);
    const firstOpen = active.findIndex(({ notReady }) => !notReady);
    expect(active.slice(firstOpen).map(({ name }) => name)).toEqual([
      'overload',
      'clock',
      'data-lost',
      'alerting',
      'rules-file',
      'receivers-file',
    ]);
    for (const condition of active) conditionSchema.parse(condition);
    expect(lines.filter(({ level }) => level === 'warn')).toHaveLength(6);
  });

  test('every condition says what to do in whole sentences', () => {
    for (const name of CONDITION_NAMES) {
      const { remedy, notReady, severity } = CONDITION_TEXTS[name];
      expect(remedy).toMatch(/^[A-Z].*\.$/);
      expect(severity === 'critical').toBe(notReady);
    }
  });
});
