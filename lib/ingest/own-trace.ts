/**
 * Chrome traces that afdscope exported (`GET /api/v1/export?format=chrome`): the events that they were
 * made of, as their senders gave them, whatever was cut and aligned for the picture. One event a line.
 */
import { addNanos, unixNanos } from '#lib/base/units.ts';
import { LIST_COLUMNS, MEASURE_COLUMNS } from '#lib/model/column-names.ts';
import { readResourceFacts } from '#lib/model/resource.ts';
import { ABSENT, KINDS, PHASES } from '#lib/table/codes.ts';
import {
  type EventTable,
  LISTS,
  type ListName,
  MEASURES,
  type Measure,
} from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';

const HEAD = /^\{"displayTimeUnit":"ns","baseTimeNanoseconds":(\d{1,19}),"otherData":/;

/** Does the file start as afdscope's own traces do? */
export function isOwnTrace(start: string): boolean {
  return HEAD.test(start) && start.includes('"name":"afd_export"');
}

export interface OwnTrace {
  readonly table: EventTable;
  /** What is not as it was written; null: nothing. */
  readonly problem: string | null;
}

/** A line that was changed since it was written. */
export class OwnTraceError extends Error {
  override readonly name = 'OwnTraceError';

  constructor(line: number, what: string) {
    super(`line ${line}: ${what}; this trace was changed since afdscope wrote it: export it again`);
  }
}

/** @throws OwnTraceError */
export function readOwnTrace(bytes: Uint8Array): OwnTrace {
  const lines = linesOf(bytes);
  const head = HEAD.exec(lines.next().value ?? '');
  const reader = new OwnTraceReader(unixNanos(BigInt(head?.[1] ?? '0')));
  let number = 1;
  for (const text of lines) {
    number++;
    if (text.startsWith(']')) return reader.finish(text);
    reader.line(text, number);
  }
  return reader.finish(null);
}

/** Without the comma between two events. */
function* linesOf(bytes: Uint8Array): Generator<string> {
  const utf8 = new TextDecoder();
  for (let from = 0; from < bytes.length; ) {
    const found = bytes.indexOf(0x0a, from);
    const to = found < 0 ? bytes.length : found;
    const end = bytes[to - 1] === 0x2c ? to - 1 : to;
    yield utf8.decode(bytes.subarray(from, end));
    from = to + 1;
  }
}

type Args = Readonly<Record<string, unknown>>;

interface TraceLine {
  readonly ph?: unknown;
  readonly name?: unknown;
  readonly ts?: unknown;
  readonly dur?: unknown;
  readonly args?: Args;
}

class OwnTraceReader {
  readonly #builder: EventTableBuilder;
  readonly #stages = new Map<string, number>();
  /** Number of a sender's description -> index into the builder's workers. */
  readonly #workers = new Map<unknown, number>();

  constructor(baseUnixNs: ReturnType<typeof unixNanos>) {
    this.#builder = new EventTableBuilder(addNanos(baseUnixNs, 0));
    for (const [code, name] of this.#builder.stageNames.entries()) this.#stages.set(name, code);
  }

  line(text: string, number: number): void {
    // Only these two are read: what is shown of waits, flows and names is made of them.
    if (!text.includes('"afd":1,') && !text.includes('"afd_source"')) return;
    let line: TraceLine;
    try {
      line = JSON.parse(text) as TraceLine;
    } catch {
      throw new OwnTraceError(number, 'it is not JSON');
    }
    const { args } = line;
    if (args === undefined) throw new OwnTraceError(number, 'it has no args');
    if (line.ph === 'M' && line.name === 'afd_source') this.#source(args, number);
    else if (line.ph === 'X' && args.afd === 1) this.#event(line, args, number);
  }

  /** `last`: the line behind the events; null: the file ends before it. */
  finish(last: string | null): OwnTrace {
    const table = this.#builder.finish();
    if (last === null) {
      const problem = `the trace is cut off: its first ${table.length} events were read`;
      return { table, problem };
    }
    const written = /"events":(\d+)/.exec(last)?.[1];
    const problem =
      written === String(table.length)
        ? null
        : `${table.length} events were read, but ${written} were written`;
    return { table, problem };
  }

  #source(args: Args, number: number): void {
    const { worker } = readResourceFacts(
      new Map(Object.entries(RESOURCE_KEYS).map(([name, key]) => [key, known(args[name])])),
    );
    if (worker === null) throw new OwnTraceError(number, 'the worker is not described as one');
    this.#workers.set(args.source, this.#builder.workers.push(worker) - 1);
  }

  #event({ ts, dur }: TraceLine, args: Args, number: number): void {
    const worker = this.#workers.get(args.source);
    if (worker === undefined) throw new OwnTraceError(number, 'its source is not described');
    const integer = (name: string, absent: number, min: number, max: number): number => {
      const value = args[name] ?? absent;
      const isRight =
        typeof value === 'number' && Number.isInteger(value) && value >= min && value <= max;
      if (!isRight) throw new OwnTraceError(number, `${name} is ${JSON.stringify(value)}`);
      return value;
    };
    const nanos = (value: unknown, name: string): number => {
      const ns = typeof value === 'number' ? Math.round(value * 1000) : Number.NaN;
      if (!Number.isSafeInteger(ns)) throw new OwnTraceError(number, `${name} is no time`);
      return ns;
    };
    const any = Number.MAX_SAFE_INTEGER;
    const start = nanos(ts, 'ts') - integer('aligned_by_ns', 0, -any, any);
    const whole = integer('duration_ns', nanos(dur, 'dur'), 0, any);
    this.#builder.add({
      startNs: start,
      durationNs: whole - integer('stretched_by_ns', 0, -any, any),
      worker,
      stage: this.#stageOf(args.stage, number),
      kind: oneOf(KINDS, args.kind, number),
      phase: oneOf(PHASES, args.phase ?? PHASES[0], number),
      domain: integer('domain', 0, 0, INT32_MAX),
      step: integer('step', ABSENT, ABSENT, any),
      layer: integer('layer', ABSENT, ABSENT, INT32_MAX),
      microbatch: integer('microbatch', ABSENT, ABSENT, INT32_MAX),
      peer: integer('peer', ABSENT, ABSENT, INT32_MAX),
      measures: measuresOf(args, number),
      lists: listsOf(args, number),
    });
  }

  #stageOf(name: unknown, number: number): number {
    if (typeof name !== 'string') throw new OwnTraceError(number, 'its stage is no text');
    const found = this.#stages.get(name);
    if (found !== undefined) return found;
    const code = this.#builder.stageNames.push(name) - 1;
    this.#stages.set(name, code);
    return code;
  }
}

const INT32_MAX = 2 ** 31 - 1;

/** The fields of a worker as resource attributes, whose checks and defaults then hold. */
const RESOURCE_KEYS: Readonly<Record<keyof WorkerInfo, string>> = {
  deployment: 'afd.deployment',
  group: 'afd.group',
  role: 'afd.role',
  rank: 'afd.rank',
  domain: 'afd.domain',
  incarnation: 'afd.incarnation',
  service: 'service.name',
  instanceId: 'service.instance.id',
  host: 'host.name',
  hwId: 'hw.id',
  clockDomain: 'afd.clock.domain',
  sendEnd: 'afd.send_end',
  sendMode: 'afd.send_mode',
  topology: 'afd.topology',
  microbatches: 'afd.microbatches',
  layers: 'afd.layers',
  connector: 'afd.connector',
  model: 'gen_ai.request.model',
  gpu: 'hw.model',
  timing: 'afd.timing',
};

function known(value: unknown): unknown {
  return value === 'unknown' || value === '' ? undefined : value;
}

function oneOf(names: readonly string[], value: unknown, number: number): number {
  const found = typeof value === 'string' ? names.indexOf(value) : -1;
  if (found < 0) throw new OwnTraceError(number, `${JSON.stringify(value)} is not known`);
  return found;
}

function measuresOf(args: Args, number: number): Partial<Record<Measure, number>> {
  const found: Partial<Record<Measure, number>> = {};
  for (const name of MEASURES) {
    const value = args[MEASURE_COLUMNS[name]];
    if (value === undefined) continue;
    if (typeof value !== 'number' || value < 0) {
      throw new OwnTraceError(number, `${MEASURE_COLUMNS[name]} is no number from 0`);
    }
    found[name] = value;
  }
  return found;
}

function listsOf(args: Args, number: number): Partial<Record<ListName, readonly number[]>> {
  const found: Partial<Record<ListName, readonly number[]>> = {};
  for (const name of LISTS) {
    const value = args[LIST_COLUMNS[name]];
    if (value === undefined) continue;
    if (!Array.isArray(value) || !value.every((one) => Number.isSafeInteger(one))) {
      throw new OwnTraceError(number, `${LIST_COLUMNS[name]} is no list of integers`);
    }
    found[name] = value;
  }
  return found;
}
