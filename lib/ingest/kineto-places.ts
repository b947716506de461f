/**
 * Threads and streams as small integers. Both are a process and a thread in a trace; their ids are
 * numbers or texts ("stream 7"), and the GPU is the process of a stream.
 */
import type { ChromeEvent } from '#lib/wire/chrome-event.ts';
import { readInteger } from '#lib/wire/chrome-time.ts';

export class KinetoPlaces {
  readonly #ids = new Map<string, number>();
  readonly #numbers = new Map<number, Map<number, number>>();
  #size = 0;
  #lastProcess = Number.NaN;
  #lastThread = Number.NaN;
  #last = -1;
  /** The process of the event asked for last as a number; NaN where it is none. */
  process = Number.NaN;

  of(event: ChromeEvent): number {
    const { bytes } = event;
    const process = event.pidStart < 0 ? 0 : readInteger(bytes, event.pidStart, event.pidEnd);
    const thread = event.tidStart < 0 ? 0 : readInteger(bytes, event.tidStart, event.tidEnd);
    this.process = process;
    if (process === this.#lastProcess && thread === this.#lastThread) return this.#last;
    const id =
      Number.isNaN(process) || Number.isNaN(thread)
        ? this.#byText(event)
        : this.#byNumber(process, thread);
    this.#lastProcess = process;
    this.#lastThread = thread;
    this.#last = id;
    return id;
  }

  #byNumber(process: number, thread: number): number {
    const threads = this.#numbers.get(process) ?? new Map<number, number>();
    if (threads.size === 0) this.#numbers.set(process, threads);
    const known = threads.get(thread) ?? this.#size++;
    threads.set(thread, known);
    return known;
  }

  #byText(event: ChromeEvent): number {
    const process = event.raw(event.pidStart, event.pidEnd).replaceAll('"', '');
    const key = `${process}\0${event.raw(event.tidStart, event.tidEnd)}`;
    const known = this.#ids.get(key) ?? this.#size++;
    this.#ids.set(key, known);
    return known;
  }

  /** Of an async track: its category and id, and its process where the id is local to it. */
  async(event: ChromeEvent): number {
    const id = event.raw(event.idStart, event.idEnd);
    const process =
      id.startsWith('{') && !id.includes('"global"') ? event.raw(event.pidStart, event.pidEnd) : '';
    const key = `async\0${event.category}\0${process}\0${id}`;
    const known = this.#ids.get(key) ?? this.#size++;
    this.#ids.set(key, known);
    return known;
  }
}

/** The GPU that a process id such as 3 or "GPU 3" names; 0 where it names none. */
export function deviceOf(argument: number, process: number): number {
  if (Number.isInteger(argument) && argument >= 0) return Math.min(argument, 65_535);
  return Number.isInteger(process) && process >= 0 && process < 4096 ? process : 0;
}
