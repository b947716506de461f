/** Matchers of labels (lib/api/matchers.ts), compiled once for many alerts. */
import type { Matcher } from '#lib/api/alerts.ts';
import { type LabelTest, matcherProblem, matcherTest } from '#lib/api/matchers.ts';
import { err, ok, type Result } from '#lib/base/result.ts';

/** All must hold. The error names the matcher whose pattern cannot be read. */
export function labelTest(matchers: readonly Matcher[]): Result<LabelTest, string> {
  const problem = matcherProblem(matchers);
  if (problem !== null) return err(problem);
  const tests = matchers.map(matcherTest);
  return ok((labels) => tests.every((test) => test(labels)));
}
