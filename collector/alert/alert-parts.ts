/**
 * What the alert service asks of the parts that tell people and that keep evidence. Both plan first, as
 * documents that go into the same transaction as the alert, and act after it is on disk.
 */
import type { AlertChange } from '#lib/alert/alert-state.ts';
import type { AlertJson } from '#lib/api/alerts.ts';
import type { StateChanges, StateDocument } from '#lib/store/state-store.ts';
import type { Pin } from '#lib/store/telemetry-store.ts';

/** What both write through: resolves when it is on disk. */
export interface AlertStore {
  change(changes: StateChanges): Promise<void>;
  pin(pin: Pin): Promise<void>;
  unpin(pinId: string): Promise<void>;
}

export interface AlertNotifier {
  /**
   * Reads what waits from before this process, and begins to send. It is given every document of the kinds
   * `notify-group` and `delivery`: it lets go of old ones, too.
   */
  start(stored: readonly StateDocument[]): void;
  /**
   * Messages that are due now, for all alerts as they are: documents of the kinds `delivery` and
   * `notify-group`. Called at every evaluation, since groups wait and messages repeat. `alerts` are all there
   * are: one that was told and is missing counts as ended. Called again without `committed` in between, it
   * plans anew: what it planned before counts as not written.
   */
  plan(alerts: readonly AlertJson[], nowUnixMs: number): readonly StateDocument[];
  /** The planned documents are on disk: send them. */
  committed(): void;
  /** Ends what is in flight within two seconds; what was not sent waits on disk. */
  stop(): Promise<void>;
}

export interface IncidentRecorder {
  /** Knows the incidents that are open or still recording. */
  start(incidents: readonly StateDocument[]): void;
  /** An alert fired that its rule records: its incident, made or joined, and what to pin. */
  fired(
    alert: AlertJson,
    nowUnixMs: number,
  ): {
    readonly incidentId: string;
    readonly documents: readonly StateDocument[];
    readonly pins: readonly Pin[];
  };
  /** What else there is to write for these changes: an incident whose alerts have all ended, … */
  follow(changes: readonly AlertChange[], nowUnixMs: number): readonly StateDocument[];
  /** Once a second: finishes windows that are over, keeps the evidence within its bytes. */
  tick(nowUnixMs: number): void;
  stop(): Promise<void>;
}
