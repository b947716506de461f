/**
 * All incidents, as they should be on disk. Whatever changes one changes it here, at once; what could not
 * be written is written again, the newest version of it, until it is.
 */
import type { AlertStore } from '#collector/alert/alert-parts.ts';
import type { StateDocument } from '#lib/store/state-store.ts';
import type { Pin } from '#lib/store/telemetry-store.ts';
import {
  type IncidentRecord,
  isIncidentPin,
  isPinned,
  pinIdOf,
  pinOf,
  recordDocument,
} from './incident-record.ts';

export class IncidentShelf {
  readonly #store: AlertStore;
  readonly #records = new Map<string, IncidentRecord>();
  readonly #unsaved = new Set<string>();
  /** By pin id; null: it should be gone. */
  readonly #pins = new Map<string, Pin | null>();

  constructor(store: AlertStore) {
    this.#store = store;
  }

  /** As it is on disk; what is known already is newer. */
  load(record: IncidentRecord): void {
    if (!this.#records.has(record.id)) this.#records.set(record.id, record);
  }

  /** Pins that a kill kept from being set or taken back. */
  reconcile(pins: readonly Pin[]): void {
    const held = new Map(pins.map((pin) => [pin.pinId, pin]));
    for (const record of this.#records.values()) {
      const wanted = isPinned(record) ? pinOf(record) : null;
      const pin = held.get(pinIdOf(record.id));
      if (wanted !== null && !equalPins(wanted, pin)) this.#pins.set(wanted.pinId, wanted);
    }
    for (const { pinId } of pins) {
      if (isIncidentPin(pinId) && !this.#wantsPin(pinId)) this.#pins.set(pinId, null);
    }
  }

  #wantsPin(pinId: string): boolean {
    return this.all().some((record) => pinIdOf(record.id) === pinId && isPinned(record));
  }

  all(): IncidentRecord[] {
    return [...this.#records.values()];
  }

  get(id: string): IncidentRecord | undefined {
    return this.#records.get(id);
  }

  put(record: IncidentRecord): void {
    const before = this.#records.get(record.id);
    this.#records.set(record.id, record);
    this.#unsaved.add(record.id);
    if (isPinned(record)) {
      const pin = pinOf(record);
      const isNew = before === undefined || !isPinned(before) || !equalPins(pin, pinOf(before));
      if (isNew) this.#pins.set(pin.pinId, pin);
    } else if (before !== undefined && isPinned(before)) {
      this.#pins.set(pinIdOf(record.id), null);
    }
  }

  /** Forgets one that was never written, or is gone from the disk. */
  drop(id: string): void {
    const pinId = pinIdOf(id);
    if (this.#records.delete(id)) this.#pins.set(pinId, null);
    this.#unsaved.delete(id);
  }

  get isSaved(): boolean {
    return this.#unsaved.size === 0 && this.#pins.size === 0;
  }

  /** Pins first, then documents, then what is released: killed between, a start puts it right. */
  async save(more: readonly StateDocument[] = []): Promise<void> {
    for (const [pinId, pin] of [...this.#pins]) {
      if (pin === null) continue;
      await this.#store.pin(pin);
      if (this.#pins.get(pinId) === pin) this.#pins.delete(pinId);
    }
    const written = [...this.#unsaved].flatMap((id) => this.#records.get(id) ?? []);
    if (written.length + more.length > 0) {
      await this.#store.change({ put: [...written.map(recordDocument), ...more] });
    }
    for (const record of written) {
      if (this.#records.get(record.id) === record) this.#unsaved.delete(record.id);
    }
    for (const [pinId, pin] of [...this.#pins]) {
      if (pin !== null) continue;
      await this.#store.unpin(pinId);
      if (this.#pins.get(pinId) === null) this.#pins.delete(pinId);
    }
  }

  /** Off the disk. */
  async remove(id: string): Promise<void> {
    await this.#store.change({
      remove: [
        { kind: 'incident', id },
        { kind: 'incident-evidence', id },
      ],
    });
    this.drop(id);
    await this.save();
  }
}

function equalPins(a: Pin, b: Pin | undefined): boolean {
  return (
    b !== undefined &&
    a.deployment === b.deployment &&
    a.fromUnixNs === b.fromUnixNs &&
    a.toUnixNs === b.toUnixNs
  );
}
