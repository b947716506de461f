/** What every command gets from the process, and how it fails. */
export interface CommandIo {
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly cwd: string;
  /** Folder of package.json. */
  readonly root: string;
  /** Results: stdout. */
  print(text: string): void;
  /** Messages: stderr. */
  say(text: string): void;
}

/** The command was called in a way that cannot work: exit code 2. */
export class UsageError extends Error {
  override readonly name = 'UsageError';
}

/** The thing failed for a reason that the message tells: exit code 1, no stack. */
export class CommandError extends Error {
  override readonly name = 'CommandError';
}
