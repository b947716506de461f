'use client';

import { DownloadIcon } from 'lucide-react';
import { type CsvCell, csvText, saveFile } from './save-file.ts';

/** A button that saves the table beside it, with every digit. Pictures have `SaveMenu`. */
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
  return (
    <button
      type="button"
      className="text-muted"
      aria-label={`Save ${title} as CSV`}
      title="Save as CSV"
      onClick={() => saveFile(`${name}.csv`, csvText(rows()), 'text/csv')}
    >
      <DownloadIcon size={13} aria-hidden />
    </button>
  );
}
