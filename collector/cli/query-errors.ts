/** The errors of stores and queries that people cause or can mend, in the words of a command. */
import { CommandError, UsageError } from './command-io.ts';

const MENDABLE = new Set([
  'NoDatabaseError',
  'DatabaseVersionError',
  'DataFolderLockedError',
  'StoreUnavailableError',
  'UnsupportedStoreError',
  'ScanExpiredError',
  'UnknownDeploymentError',
  'UnknownIncidentError',
  'TelemetryFileError',
  'KernelTableError',
]);

/** For `.catch`: throws what the command line prints without a stack. */
export function asCommandError(error: unknown): never {
  if (error instanceof Error) {
    if (error.name === 'BadQuestionError') throw new UsageError(flagFor(error));
    if (MENDABLE.has(error.name)) throw new CommandError(error.message);
  }
  throw error;
}

/** "from" of the query is "--from" here. */
function flagFor(error: Error): string {
  const parameter = 'parameter' in error ? String(error.parameter) : '';
  return parameter === '' ? error.message : `--${parameter}: ${error.message}`;
}
