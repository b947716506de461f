/** What the admin server needs of the live hub. */
import type { LiveEvent } from '#lib/api/live-event.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';

export interface LiveSource {
  deployments(): string[];
  /** Calls `send` at once with what a reader that saw `lastEventId` needs, then with what comes. */
  subscribe(
    deployment: string,
    lastEventId: number | null,
    send: (epoch: number, event: LiveEvent) => void,
  ): () => void;
  /** Newest report of each live deployment. */
  latestReports(): ReadonlyMap<string, ReportJson>;
}
