/** The system's error codes for files and folders, in words. */
const WORDS: Readonly<Record<string, string>> = {
  EACCES: 'may not be written by this user',
  EPERM: 'may not be written by this user',
  EROFS: 'is on a read-only file system',
  ENOSPC: 'is on a full disk: free some space',
  EDQUOT: 'is over its disk quota: free some space',
  EEXIST: 'is a file, or has one in its place; a folder is needed',
  ENOTDIR: 'is a file, or has one in its path; a folder is needed',
  EISDIR: 'is a folder; a file is needed',
  ENOENT: 'cannot be made there',
};

/** "PATH is on a read-only file system"; null where `error` did not come from a file operation. */
export function fileProblem(error: unknown, path: string): string | null {
  if (!(error instanceof Error) || !('code' in error) || !('syscall' in error)) return null;
  const code = String(error.code);
  return `${path} ${WORDS[code] ?? `cannot be used (${error.message})`}`;
}
