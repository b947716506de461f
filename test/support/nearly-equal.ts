import { expect } from 'vitest';

/** Deep equality; numbers may differ by rounding (1e-9 of their size), integers not at all. */
export function expectNearlyEqual(actual: unknown, expected: unknown, path = '$'): void {
  if (typeof actual === 'number' && typeof expected === 'number') {
    const bothWhole = Number.isInteger(actual) && Number.isInteger(expected);
    const allowed = bothWhole ? 0 : 1e-9 * Math.max(1, Math.abs(expected));
    if (Math.abs(actual - expected) <= allowed) return;
    expect.fail(`${path}: ${actual}, expected ${expected}`);
  }
  if (!isObject(actual) || !isObject(expected)) {
    expect(actual, path).toEqual(expected);
    return;
  }
  expect(Object.keys(actual).sort(), `keys of ${path}`).toEqual(Object.keys(expected).sort());
  for (const name of Object.keys(expected)) {
    expectNearlyEqual(actual[name], expected[name], `${path}.${name}`);
  }
}

function isObject(value: unknown): value is Record<string, unknown> {
  return typeof value === 'object' && value !== null;
}
