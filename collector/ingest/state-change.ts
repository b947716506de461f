/** Writes what is not telemetry, and pins: done by the thread that holds the writers. */
import type { StateStore } from '#lib/store/state-store.ts';
import type { TelemetryStore } from '#lib/store/telemetry-store.ts';
import type { StateChange } from './thread-messages.ts';

/** Was there something to change? @throws StoreUnavailableError */
export async function applyStateChange(
  telemetry: TelemetryStore,
  people: StateStore,
  change: StateChange,
): Promise<boolean> {
  switch (change.kind) {
    case 'put-annotation':
      await people.putAnnotation(change.annotation);
      return true;
    case 'delete-annotation':
      return people.deleteAnnotation(change.annotationId);
    case 'change-state': {
      const { removed } = await people.change(change.changes);
      return removed > 0 || (change.changes.remove ?? []).length === 0;
    }
    case 'pin': {
      const { pinId, deployment, fromUnixNs, toUnixNs } = change.pin;
      await telemetry.pin(pinId, deployment, { fromUnixNs, toUnixNs });
      return true;
    }
    case 'unpin':
      await telemetry.unpin(change.pinId);
      return true;
  }
}
