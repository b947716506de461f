/**
 * Names come from whoever sends telemetry. What would hide or turn around what is written, control and
 * bidirectional characters and half a surrogate pair, is replaced by a mark that it was there.
 */
export function plainText(text: string): string {
  return text.toWellFormed().replaceAll(/[\p{Cc}\p{Bidi_Control}]/gu, '\uFFFD');
}
