/**
 * The first line of what the YAML parser says of a text. An alias that is not there, such as a text that
 * begins with * and has no quotes, is a ReferenceError of its own. @throws whatever else was caught
 */
export function yamlProblem(cause: unknown): string {
  const isYaml =
    cause instanceof ReferenceError || (cause instanceof Error && cause.name === 'YAMLParseError');
  if (!isYaml) throw cause;
  return cause.message.split('\n')[0] ?? cause.name;
}
