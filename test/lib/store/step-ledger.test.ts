import { expect, test } from 'vitest';
import { unixNanos } from '#lib/base/units.ts';
import { StepLedger } from '#lib/store/step-ledger.ts';
import type { PackedTable } from '#lib/table/packed-table.ts';
import { seededRandom, testWorker } from '#test/support/afd-table.ts';
import { BASE } from '#test/support/telemetry-batch.ts';

interface Step {
  readonly rank: number;
  readonly step: number;
  readonly domain?: number;
  readonly content?: number;
  readonly bytes?: number;
  readonly incarnation?: string;
}

function tableOf(steps: readonly Step[]): PackedTable {
  const n = steps.length;
  const byteLength = Uint32Array.from(steps, ({ bytes = 20 }) => bytes);
  const offset = new Uint32Array(n);
  let at = 0;
  for (let i = 0; i < n; i++) {
    offset[i] = at;
    at += byteLength[i]!;
  }
  const bytes = new Uint8Array(at);
  steps.forEach(({ content = 0 }, i) => {
    bytes[offset[i]! + 5] = content;
  });
  return {
    length: n,
    events: n,
    baseUnixNs: unixNanos(BASE),
    workers: steps.map(({ rank, incarnation = 'one' }) => testWorker(rank, { incarnation })),
    worker: Int32Array.from(steps.keys()),
    domain: Int32Array.from(steps, ({ domain = 0 }) => domain),
    step: Float64Array.from(steps, ({ step }) => step),
    startNs: new Float64Array(n),
    endNs: new Float64Array(n).fill(1),
    stepEvents: new Uint32Array(n).fill(1),
    offset,
    byteLength,
    bytes,
  };
}

const base: Step = { rank: 1, step: 7 };

test('every part of the identity counts', () => {
  const ledger = new StepLedger(64);
  expect(ledger.takeNew(tableOf([base]))).toBeNull();
  const others: Step[] = [
    { ...base, rank: 2 },
    { ...base, step: 8 },
    { ...base, step: 7 + 2 ** 32 },
    { ...base, step: -1 },
    { ...base, domain: 3 },
    { ...base, content: 9 },
    { ...base, bytes: 21 },
    { ...base, incarnation: 'two' },
  ];
  expect(ledger.takeNew(tableOf(others))).toBeNull();
  ledger.keep();
  expect(ledger.takeNew(tableOf([base, ...others, { ...base, step: 99 }]))).toEqual(
    Uint32Array.of(9),
  );
});

test('a step that comes twice in one table is taken once', () => {
  expect(new StepLedger(8).takeNew(tableOf([base, base, { ...base, step: 8 }]))).toEqual(
    Uint32Array.of(0, 2),
  );
});

test('what could not be stored is forgotten, what could is not', () => {
  const ledger = new StepLedger(8);
  ledger.takeNew(tableOf([base]));
  ledger.keep();
  ledger.takeNew(tableOf([{ ...base, step: 8 }]));
  ledger.forget();
  expect(ledger.takeNew(tableOf([base, { ...base, step: 8 }]))).toEqual(Uint32Array.of(1));
});

test('against a set, over many rounds: it knows exactly the newest that it has room for', () => {
  const random = seededRandom(5);
  const ledger = new StepLedger(32);
  let known: number[] = [];
  for (let round = 0; round < 4000; round++) {
    const steps = Array.from({ length: 1 + Math.floor(random() * 6) }, () =>
      Math.floor(random() * 60),
    );
    const before = known;
    const expected: number[] = [];
    let now = known;
    for (const [row, step] of steps.entries()) {
      if (now.includes(step)) continue;
      expected.push(row);
      now = [...now, step].slice(-32);
    }
    const rows = ledger.takeNew(tableOf(steps.map((step) => ({ rank: 0, step }))));
    expect([...(rows ?? steps.keys())]).toEqual(expected);
    if (random() < 0.8 || before.length + expected.length > 32) {
      ledger.keep();
      known = now;
    } else {
      ledger.forget();
    }
  }
});
