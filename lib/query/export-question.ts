/** What is asked of an export, as plain data that can cross to its thread. */

export interface ExportQuestion {
  readonly format: string;
  /** Absent: that of the incident. */
  readonly deployment?: string | undefined;
  /** Id of an incident: its window where none is named, and its notes go into archives. */
  readonly incident?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
  /** Worker ids with commas between them. */
  readonly workers?: string | undefined;
  /** Parameters of the format alone. */
  readonly options?: Readonly<Record<string, string>> | undefined;
}
