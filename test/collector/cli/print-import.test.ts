import { describe, expect, test } from 'vitest';
import { formatImport } from '#collector/cli/print-import.ts';
import type { ImportJson } from '#lib/api/imports.ts';

const DONE: ImportJson = {
  id: 'i1',
  state: 'done',
  createdUnixMs: 1_795_800_000_000,
  files: [],
  deployments: [],
  events: 12,
  points: 0,
  annotations: 0,
  duplicate: false,
  duplicateEvents: 0,
  rejected: {},
  messages: [],
  warnings: [],
  recognition: null,
  progress: null,
  error: null,
};
const file = (name: string, error: string | null = null) => ({ name, sizeBytes: 5, error });

describe('what an import brought, in a terminal', () => {
  test('all files: no more than how many', () => {
    expect(formatImport({ ...DONE, files: [file('a.json')] }).split('\n')[0]).toBe(
      'imported 1 file (i1)',
    );
    const two = { ...DONE, files: [file('a.json'), file('b.json')] };
    expect(formatImport(two)).toMatch(/^imported 2 files \(i1\)/);
    expect(formatImport(two)).not.toContain('left out');
  });

  test('files that were left out are named with why, and cannot steer the terminal', () => {
    const files = [
      file('a.json'),
      file('b.json', 'b.json: line 1: is cut off'),
      file('c\u001b.md', 'is no trace'),
    ];
    const lines = formatImport({ ...DONE, files }).split('\n');
    expect(lines[0]).toBe('imported 1 of 3 files (i1)');
    expect(lines[1]).toBe('left out, nothing was taken of:');
    expect(lines[2]).toBe('  b.json: line 1: is cut off');
    expect(lines[3]).toMatch(/^ {2}c.*\.md: is no trace$/);
    expect(lines[3]).not.toContain('\u001b');
  });
});
