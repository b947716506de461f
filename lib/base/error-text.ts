/** What a caught value says: errors can be anything. */
export function errorText(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
