/** Tables for people: columns aligned, numbers to the right. */
export interface Column {
  readonly title: string;
  readonly align?: 'left' | 'right';
}

/** Lines without trailing spaces; empty without rows. A line feed in a cell is written as \\n. */
export function formatTable(
  columns: readonly Column[],
  given: readonly (readonly string[])[],
): string[] {
  if (given.length === 0) return [];
  const rows = given.map((row) => row.map((cell) => cell.replaceAll('\n', '\\n')));
  const widths = columns.map(({ title }, c) =>
    Math.max(displayWidth(title), ...rows.map((row) => displayWidth(row[c] ?? ''))),
  );
  const line = (cells: readonly string[]) =>
    columns
      .map(({ align }, c) => {
        const cell = cells[c] ?? '';
        const padding = ' '.repeat(widths[c]! - displayWidth(cell));
        return align === 'right' ? padding + cell : cell + padding;
      })
      .join('  ')
      .trimEnd();
  return [line(columns.map(({ title }) => title)), ...rows.map(line)];
}

/** Code points; good enough for names and units. */
function displayWidth(text: string): number {
  return [...text].length;
}
