'use client';

import { DownloadIcon } from 'lucide-react';

export type CsvCell = string | number | null;

/** A button that saves what stands beside it, with every digit. */
export function SaveCsv({
  name,
  title,
  rows,
}: {
  /** Of the file, without its ending. */
  readonly name: string;
  readonly title: string;
  readonly rows: () => readonly (readonly CsvCell[])[];
}) {
  const save = () => {
    const text = rows()
      .map((row) => row.map(cellText).join(','))
      .join('\n');
    const url = URL.createObjectURL(new Blob([`${text}\n`], { type: 'text/csv' }));
    const link = document.createElement('a');
    link.href = url;
    link.download = `${name}.csv`;
    link.click();
    setTimeout(() => URL.revokeObjectURL(url), 10_000);
  };
  return (
    <button
      type="button"
      className="text-muted"
      aria-label={`Save ${title} as CSV`}
      title="Save as CSV"
      onClick={save}
    >
      <DownloadIcon size={13} aria-hidden />
    </button>
  );
}

function cellText(cell: CsvCell): string {
  if (cell === null) return '';
  const text = String(cell);
  return /[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
