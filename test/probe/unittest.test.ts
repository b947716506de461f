/** The probe's own tests, which are Python's. */
import { describe, expect, it } from 'vitest';
import { PYTHON, runPython } from '#test/support/python.ts';

describe("the probe's unit tests", () => {
  it.skipIf(PYTHON === null)(
    'pass',
    // Some have real clocks and processes in them, and share the cores with whatever else runs; a run that
    // needs another try is named at the end.
    { retry: 1, timeout: 600_000 },
    () => {
      const said = runPython(['-m', 'unittest', 'discover', '-s', 'tests', '-t', '.']);
      expect(said).toMatch(/^Ran [1-9]\d* tests/m);
      expect(said).toMatch(/^OK/m);
    },
  );
});
