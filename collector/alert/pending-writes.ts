/**
 * What evaluation has to write, until it is on disk: kept and tried again while the store refuses. Alerts
 * stand in it by their id, since only their newest state counts.
 */
import type { LogEntry, StateDocument } from '#lib/store/state-store.ts';
import type { Pin } from '#lib/store/telemetry-store.ts';

/** A store that refuses for days must not fill the memory; the oldest samples go first. */
const MAX_SAMPLE_ROWS = 2000;
const MAX_EVENTS = 20_000;

export class PendingWrites {
  readonly alertIds = new Set<string>();
  readonly goneIds = new Set<string>();
  readonly documents = new Map<string, StateDocument>();
  readonly events = new Map<string, LogEntry>();
  readonly sampleRows = new Map<string, LogEntry>();
  readonly pins: Pin[] = [];
  /** History and samples that there was no room for. */
  lost = 0;

  get isEmpty(): boolean {
    return (
      this.alertIds.size +
        this.goneIds.size +
        this.documents.size +
        this.events.size +
        this.sampleRows.size +
        this.pins.length ===
      0
    );
  }

  touch(alertId: string): void {
    this.goneIds.delete(alertId);
    this.alertIds.add(alertId);
  }

  gone(alertId: string): void {
    this.alertIds.delete(alertId);
    this.goneIds.add(alertId);
  }

  document(document: StateDocument): void {
    this.documents.set(`${document.kind} ${document.id}`, document);
  }

  event(entry: LogEntry): void {
    keep(this.events, entry, MAX_EVENTS, this);
  }

  samples(entry: LogEntry): void {
    keep(this.sampleRows, entry, MAX_SAMPLE_ROWS, this);
  }

  /** What came after this, in its place or beside it. */
  followedBy(newer: PendingWrites): void {
    for (const id of newer.alertIds) this.touch(id);
    for (const id of newer.goneIds) this.gone(id);
    for (const document of newer.documents.values()) this.document(document);
    for (const entry of newer.events.values()) this.event(entry);
    for (const entry of newer.sampleRows.values()) this.samples(entry);
    this.pins.push(...newer.pins);
    this.lost += newer.lost;
  }
}

function keep(
  map: Map<string, LogEntry>,
  entry: LogEntry,
  most: number,
  writes: PendingWrites,
): void {
  map.set(`${entry.atUnixNs} ${entry.part} ${entry.subject}`, entry);
  if (map.size <= most) return;
  const oldest = map.keys().next().value;
  if (oldest !== undefined) map.delete(oldest);
  writes.lost++;
}
