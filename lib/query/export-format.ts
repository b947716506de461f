/**
 * What a format of `GET /api/v1/export` and `afdscope export` is. Each is a file of its own; the
 * table of them is export-formats.ts.
 */
import type { IncidentJson } from '#lib/api/incidents.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { StateStore } from '#lib/store/state-store.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';

/** What is exported; times as senders gave them. */
export interface ExportSelection {
  readonly deployment: string;
  readonly window: TimeWindow;
  /** Were both ends left to their defaults, the first and the last instant of the deployment? */
  readonly isWhole: boolean;
  /** Worker ids. Absent: all workers. */
  readonly workers?: readonly string[];
  /** Whose notes go along. */
  readonly incident?: IncidentJson;
  /** Parameters that only this format takes, by name, as they were written. */
  readonly options: Readonly<Record<string, string>>;
}

/** Where a format reads. Every scan may be made more than once; each reads anew. */
export interface ExportSource {
  readonly telemetry: TelemetryReader;
  /** Opened on first use. */
  readonly state: () => Promise<StateStore>;
  readonly selection: ExportSelection;
  readonly seen: StoredDeployment;
  readonly nowUnixNs: UnixNanos;
  /** Of afdscope. */
  readonly version: string;
}

export interface ExportFormat {
  /** As in `format=`. */
  readonly name: string;
  /** For people, such as "Chrome trace (Perfetto, chrome://tracing)". */
  readonly title: string;
  /** With its dot. */
  readonly extension: string;
  readonly contentType: string;
  /** Names of the parameters that it takes beside deployment, from, to, format and workers. */
  readonly options?: readonly string[];
  /**
   * The file in pieces of any size, made while they are asked for, in bounded memory. Throws
   * `BadQuestionError` before the first piece where the selection cannot be written this way.
   */
  write(source: ExportSource): AsyncIterable<Uint8Array>;
}
