/** The probe's own tests, which are Python's. */
import { describe, expect, it } from 'vitest';
import { PYTHON, runPython } from '#test/support/python.ts';

describe("the probe's unit tests", () => {
  it.skipIf(PYTHON === null)(
    'pass',
    () => {
      const said = runPython(['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.']);
      expect(said).toMatch(/^Ran [1-9]\d* tests/m);
      expect(said).toMatch(/^OK/m);
    },
    600_000,
  );
});
