/**
 * The one event that is being read: numbers, and ranges of the scanner's bytes for what few events
 * need. A range is a whole JSON value, quotes included; `-1` where the key is absent.
 */

export const Phase = {
  complete: 0x58, // X
  begin: 0x42, // B
  end: 0x45, // E
  asyncBegin: 0x62, // b
  asyncInstant: 0x6e, // n
  asyncEnd: 0x65, // e
  metadata: 0x4d, // M
  flowStart: 0x73, // s
  flowStep: 0x74, // t
  flowEnd: 0x66, // f
} as const;

export class ChromeEvent {
  /** The buffer; what it holds changes with the next event. */
  bytes: Uint8Array = new Uint8Array(0);
  /** First byte of `ph`, 0 without one. */
  phase = 0;
  /** Ids; the category "" is 0, a name that is absent or one too many is -1. */
  category = 0;
  name = -1;

  pidStart = -1;
  pidEnd = -1;
  tidStart = -1;
  tidEnd = -1;
  timeStart = -1;
  timeEnd = -1;
  durationStart = -1;
  durationEnd = -1;
  /** `id`, or `id2`. */
  idStart = -1;
  idEnd = -1;

  /** Numbers of `args`; NaN where absent. */
  correlation = Number.NaN;
  device = Number.NaN;
  stream = Number.NaN;
  /** `args.name`, of metadata. */
  argNameStart = -1;
  argNameEnd = -1;

  reset(bytes: Uint8Array): void {
    this.bytes = bytes;
    this.phase = 0;
    this.category = 0;
    this.name = -1;
    this.pidStart = -1;
    this.tidStart = -1;
    this.timeStart = -1;
    this.durationStart = -1;
    this.idStart = -1;
    this.argNameStart = -1;
    this.correlation = Number.NaN;
    this.device = Number.NaN;
    this.stream = Number.NaN;
  }

  /** The bytes of a range as text, as they are in the file. */
  raw(start: number, end: number): string {
    return start < 0 ? '' : utf8.decode(this.bytes.subarray(start, end));
  }
}

const utf8 = new TextDecoder();
