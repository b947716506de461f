/** What vitest's JSON report says, for the last lines of a test run; its types are in test-report.d.ts. */

export function totalsOf(text) {
  const report = JSON.parse(text);
  // A file that cannot be loaded has no tests to count, and is a failure all the same.
  const unloaded = report.testResults.filter(
    (file) => file.status === 'failed' && file.assertionResults.length === 0,
  ).length;
  const tests = report.testResults.flatMap((file) => file.assertionResults);
  // Errors of a test that passed are those of its earlier tries.
  const retried = tests.filter(
    ({ status, failureMessages }) => status === 'passed' && failureMessages.length > 0,
  );
  return {
    passed: report.numPassedTests,
    failed: report.numFailedTests + unloaded,
    skipped: report.numPendingTests + report.numTodoTests,
    retried: retried.map(({ fullName, failureMessages }) =>
      [fullName, ...failureMessages.map((message) => message.split('\n')[0])].join('\n    '),
    ),
  };
}
