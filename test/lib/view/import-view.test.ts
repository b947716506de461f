/** What the page tells of imports and deployments. */
import { expect, test } from 'vitest';
import type { Deployment } from '#lib/api/deployments.ts';
import type { ImportJson } from '#lib/api/imports.ts';
import { deploymentRows } from '#lib/view/deployment-rows.ts';
import { importLine } from '#lib/view/import-view.ts';

const IMPORT: ImportJson = {
  id: 'one',
  state: 'done',
  createdUnixMs: 0,
  files: ['a.json', 'b.json', 'c.json'].map((name) => ({ name, sizeBytes: 1, error: null })),
  deployments: [
    {
      deployment: 'run',
      window: { fromUnixNs: '1675209600000000001', toUnixNs: '1675209600004000001' },
      events: 12_947,
      points: 0,
      steps: 1,
      workers: 3,
    },
  ],
  events: 12_947,
  points: 0,
  annotations: 0,
  duplicate: false,
  duplicateEvents: 0,
  rejected: { bad_time: 2, clamped: 0 },
  messages: [],
  warnings: [],
  recognition: null,
  progress: null,
  error: null,
};

test('a finished import: what it brought, and a window around all of it', () => {
  const line = importLine(IMPORT);
  expect(line).toMatchObject({
    title: 'a.json, b.json and 1 more',
    word: 'done',
    isOver: true,
    summary: '12.9 k events · 1 step · 3 workers · refused or changed: bad_time 2',
  });
  expect(line.opens).toEqual([
    {
      deployment: 'run',
      range: { kind: 'absolute', fromMs: 1_675_209_600_000, toMs: 1_675_209_600_005 },
    },
  ]);
});

test('one that goes on, one that failed, one of which a file was left out', () => {
  const running = importLine({
    ...IMPORT,
    state: 'running',
    progress: { what: 'events', done: 50, total: 200 },
  });
  expect(running).toMatchObject({ word: 'storing', progress: 0.25, isOver: false });
  expect(importLine({ ...IMPORT, state: 'failed', error: 'it broke' })).toMatchObject({
    word: 'failed',
    problems: ['it broke'],
  });
  const bad = (name: string) => ({ name, sizeBytes: 1, error: `${name}: is empty` });
  const none = importLine({
    ...IMPORT,
    state: 'failed',
    error: 'none',
    files: [bad('a'), bad('b')],
  });
  expect(none).toMatchObject({
    problems: ['none'],
    leftOut: [
      { name: 'a', reason: 'is empty' },
      { name: 'b', reason: 'is empty' },
    ],
  });
  const only = { ...IMPORT, state: 'failed', error: 'a: is empty (nothing was stored)' } as const;
  expect(importLine({ ...only, files: [bad('a')] }).leftOut).toEqual([]);
  const files = [
    { name: 'a', sizeBytes: 1, error: 'a: is empty' },
    { name: 'b', sizeBytes: 9, error: null },
    { name: 'c', sizeBytes: 9, error: 'is no trace' },
  ];
  const partly = importLine({ ...IMPORT, files });
  expect(partly).toMatchObject({
    word: 'partly',
    problems: [],
    leftOut: [
      { name: 'a', reason: 'is empty' },
      { name: 'c', reason: 'is no trace' },
    ],
  });
  expect(partly.summary).toMatch(/^1 of 3 files · /);
});

test('recognition is read softly', () => {
  const recognition = {
    kernels: 2000,
    copies: 1,
    libraries: [{ library: 'nccl', kernels: 40 }],
    steps: { count: 12 },
    layers: { count: 0 },
    leftOut: [{ what: 'CPU operators', count: 7, why: 'not on a GPU' }],
    unknownTotal: { kernels: 3 },
    unknown: [{ name: 'foo' }],
    files: [{ problems: ['rank0: cut off'] }],
  };
  expect(importLine({ ...IMPORT, recognition }).recognised).toEqual([
    '2,000 kernels, 1 copy',
    'libraries: nccl 40',
    'steps: 12',
    'layers: none found',
    'no rule knows 3 kernels: foo',
    'left out: 7 CPU operators (not on a GPU)',
    'rank0: cut off',
  ]);
  expect(importLine({ ...IMPORT, recognition: 'odd' }).recognised).toEqual([]);
});

test('who sends comes first; a recording opens whole', () => {
  const one: Deployment = {
    id: 'live',
    topology: '8A4F',
    groups: [{ group: 'attention', role: 'attention', workers: 8 }],
    firstSeenUnixNs: '1795000000000000000',
    lastSeenUnixNs: '1795000100000000000',
    steps: 5,
    events: 100,
    importedEvents: 0,
    pinned: [],
  };
  const now = 1_795_000_130_000;
  const recorded = {
    ...one,
    id: 'run',
    importedEvents: 100,
    pinned: [{ fromUnixNs: '1', toUnixNs: '2' }],
  };
  const silent = { ...one, id: 'old', lastSeenUnixNs: '1795000010000000000', importedEvents: 3 };
  expect(deploymentRows([recorded, silent, one], now)).toMatchObject([
    { id: 'live', state: 'live', groups: 'attention 8', range: { kind: 'live' } },
    { id: 'old', state: 'idle', isMixed: true, isPinned: false },
    {
      id: 'run',
      state: 'imported',
      isPinned: true,
      range: { kind: 'absolute', fromMs: 1_795_000_000_000, toMs: 1_795_000_100_001 },
    },
  ]);
});
