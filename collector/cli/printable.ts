/**
 * Names come from whoever sends telemetry; a terminal must not obey the control characters in them.
 * Lines and tabs stay, everything else that controls is written as \uXXXX.
 */
export function printable(text: string): string {
  return text.replaceAll(/(?![\n\t])[\p{Cc}\p{Bidi_Control}]/gu, escaped);
}

function escaped(character: string): string {
  return `\\u${character.charCodeAt(0).toString(16).padStart(4, '0')}`;
}
