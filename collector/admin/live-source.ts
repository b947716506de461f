/** What the admin server needs of the live hub. */
import type { LiveEvent, Overview } from '#lib/api/live-event.ts';

export interface LiveSource {
  deployments(): string[];
  /** Calls `send` at once with what a reader that saw `lastEventId` needs, then with what comes. */
  subscribe(
    deployment: string,
    lastEventId: number | null,
    send: (epoch: number, event: LiveEvent) => void,
  ): () => void;
  /** Newest figures of each deployment in memory. */
  latestOverviews(): ReadonlyMap<string, Overview>;
}
