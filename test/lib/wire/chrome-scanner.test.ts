import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { ChromeEvent } from '#lib/wire/chrome-event.ts';
import { type ChromeSink, Want } from '#lib/wire/chrome-events.ts';
import { type ChromeEnd, ChromeScanner } from '#lib/wire/chrome-scanner.ts';

interface Seen {
  readonly end: ChromeEnd;
  readonly events: readonly Record<string, unknown>[];
  readonly members: Readonly<Record<string, string>>;
  readonly counts: Readonly<Record<string, number>>;
}

/** Everything that the scanner tells of a text that comes in pieces that end at `cuts`. */
function scan(text: string | Uint8Array, cuts: readonly number[] = []): Seen {
  const bytes = typeof text === 'string' ? new TextEncoder().encode(text) : text;
  const events: Record<string, unknown>[] = [];
  const members: Record<string, string> = {};
  const sink: ChromeSink = {
    wants: (category) =>
      category === 'skipped' ? Want.nothing : category === 'named' ? Want.named : Want.all,
    wantsName: (name) => name.startsWith('layer'),
    wantedMembers: new Set(['distributedInfo', 'baseTimeNanoseconds', 'late']),
    event: (event) => {
      events.push(plain(scanner, event));
    },
    member: (key, json) => {
      members[key] = json;
    },
  };
  // A small buffer, which events outgrow.
  const scanner: ChromeScanner = new ChromeScanner(sink, 100);
  let from = 0;
  for (const cut of [...cuts, bytes.length]) {
    scanner.push(bytes.subarray(from, cut));
    from = cut;
  }
  const counts: Record<string, number> = {};
  scanner.events.phaseCounts.forEach((count, phase) => {
    if (count > 0) counts[String.fromCharCode(phase)] = count;
  });
  return { end: scanner.end(), events, members, counts };
}

function plain(scanner: ChromeScanner, event: ChromeEvent): Record<string, unknown> {
  const raw = (start: number, end: number) => (start < 0 ? null : event.raw(start, end));
  return {
    ph: String.fromCharCode(event.phase),
    cat: scanner.events.categories.text(event.category),
    name: event.name < 0 ? null : scanner.events.names.text(event.name),
    pid: raw(event.pidStart, event.pidEnd),
    tid: raw(event.tidStart, event.tidEnd),
    ts: raw(event.timeStart, event.timeEnd),
    dur: raw(event.durationStart, event.durationEnd),
    id: raw(event.idStart, event.idEnd),
    correlation: event.correlation,
    device: event.device,
    stream: event.stream,
  };
}

const kernel = (extra = '') =>
  `{"ph": "X", "cat": "kernel", "name": "k<\\"a\\">{}", "pid": 1, "tid": "stream 7", "ts": 12.5, "dur": 3,${extra}
   "args": {"grid": [1, [2], {"x": "}]"}], "correlation": 9, "device": 1, "stream": 7, "rest": [{}]}}`;
const TRACE = `\ufeff
{ "schemaVersion": 1, "deviceProperties": [{"id": 0, "name": "a \\"[{ b"}],
  "distributedInfo": {"rank": 3, "x": [1, 2]},
  "traceEvents": [
    ${kernel()},
    {"ph":"X","cat":"skipped","name":"aten::add","ts":1,"dur":2,"args":{"a":"\\\\","b":["}"]}},
    {"ph":"X","cat":"named","name":"layer 3","ts":1,"dur":2},{"ph":"X","cat":"named","name":"other","ts":1},
    {"args":{"correlation":4},"dur":"1.5","ts":"2","tid":2,"pid":"p","name":"late","cat":"kernel","ph":"X"},
    {"ph":"s","id":17,"pid":1,"tid":2,"ts":3,"cat":"ac2g","name":"ac2g"},
    {"ph":"i","s":"g","ts":3,"name":"mark"}, {}, null, 7, {"ph":"C","args":{"v":NaN,"w":-Infinity}},
    {"ph":"e","id2":{"local":"0x1"},"ts":5,"cat":"\\u0061","name":"async"},
  ],
  "late": "end", "baseTimeNanoseconds": 1711964646000000001
}
`;

describe('ChromeScanner', () => {
  it('tells what is asked for, and counts the rest', () => {
    const { end, events, members, counts } = scan(TRACE);
    expect(end).toMatchObject({ found: true, damage: null, cutOff: null });
    expect(members).toEqual({
      distributedInfo: '{"rank": 3, "x": [1, 2]}',
      late: '"end"',
      baseTimeNanoseconds: '1711964646000000001',
    });
    expect(counts).toEqual({ '\0': 1, X: 5, s: 1, i: 1, C: 1, e: 1 });
    expect(events.map(({ name }) => name)).toEqual([
      'k<"a">{}',
      'layer 3',
      'late',
      'ac2g',
      'async',
    ]);
    expect(events[0]).toMatchObject({
      pid: '1',
      tid: '"stream 7"',
      ts: '12.5',
      dur: '3',
      correlation: 9,
      device: 1,
      stream: 7,
    });
    expect(events[2]).toMatchObject({ cat: 'kernel', correlation: 4, ts: '"2"', dur: '"1.5"' });
    expect(events[4]).toMatchObject({ cat: 'a', id: '{"local":"0x1"}' });
  });

  it('tells the same wherever the file is cut into pieces', () => {
    const whole = scan(TRACE);
    const { length } = new TextEncoder().encode(TRACE);
    for (let cut = 0; cut <= length; cut++) {
      expect(scan(TRACE, [cut])).toEqual(whole);
    }
    const each = Array.from({ length }, (_, i) => i);
    expect(scan(TRACE, each)).toEqual(whole);
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 0, max: length }), { maxLength: 40 }), (cuts) => {
        expect(
          scan(
            TRACE,
            [...cuts].sort((a, b) => a - b),
          ),
        ).toEqual(whole);
      }),
    );
  });

  it('reads what is there of a file that ends anywhere, and says that it ends', () => {
    const bytes = new TextEncoder().encode(TRACE);
    const whole = scan(TRACE);
    const last = bytes.lastIndexOf(0x7d);
    for (let length = 0; length < last; length++) {
      const { end, events } = scan(bytes.subarray(0, length));
      expect(end.damage).toBeNull();
      expect(end.cutOff === null).toBe(
        bytes.subarray(0, length).every((byte) => byte <= 0x20 || byte >= 0xbb),
      );
      expect(events).toEqual(whole.events.slice(0, events.length));
    }
  });

  it.each([
    ['an unclosed array', `[${kernel()},${kernel()}`, 2, null],
    ['a trailing comma', `[${kernel()},\n`, 1, null],
    ['an event that is cut off', `[${kernel()},{"ph":"X","na`, 1, 'in an event'],
    ['an unclosed object', `{"traceEvents":[${kernel()}]`, 1, 'behind the events'],
    ['unclosed traceEvents', `{"traceEvents":[${kernel()},`, 1, 'in the array of events'],
    ['a cut member', '{"a":[', 0, 'before the events'],
  ])('reads %s', (_, text, events, cutOff) => {
    const seen = scan(text);
    expect(seen.events.length).toBe(events);
    expect(seen.end).toMatchObject({ cutOff, damage: null });
  });

  it.each([
    ['text instead of a key', `[${kernel()},{ph:"X"},${kernel()}]`, 1, 'a key is missing'],
    ['a missing colon', `[${kernel()},{"ph" "X"}]`, 1, 'a colon is missing'],
    ['more behind the end', `[${kernel()}] {}`, 1, 'more behind the end of the trace'],
    ['a missing value', `[${kernel()},{"ts":,"ph":"X"}]`, 1, 'a value is missing'],
  ])('stops at %s and keeps what came before', (_, text, events, what) => {
    const seen = scan(text);
    expect(seen.events.length).toBe(events);
    expect(seen.end.damage?.what).toBe(what);
    expect(seen.end.damage?.byteOffset).toBeGreaterThan(kernel().length);
  });

  it('reads events longer than its buffer, and gives up on one that never ends', () => {
    const long = 'x'.repeat(2_000_000);
    const seen = scan(`[${kernel(`"note":"${long}",`)},${kernel()}]`);
    expect(seen.events.length).toBe(2);
    const open = scan(`[${kernel()},{"ph":"X","name":"${'x'.repeat(18_000_000)}`);
    expect(open.events.length).toBe(1);
    expect(open.end.damage?.what).toMatch(/does not end within/);
  });

  it('neither crashes nor hangs on changed bytes, and stays in the file', () => {
    const bytes = new TextEncoder().encode(TRACE);
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.nat(255)), { minLength: 1, maxLength: 6 }),
        fc.nat(bytes.length),
        (changes, cut) => {
          const changed = bytes.slice();
          for (const [at, byte] of changes) changed[at] = byte;
          const seen = scan(changed, [cut]);
          expect(seen.end.sizeBytes).toBeLessThanOrEqual(bytes.length);
          if (seen.end.damage !== null) {
            expect(seen.end.damage.byteOffset).toBeLessThanOrEqual(bytes.length);
          }
          // Where reading stops, nothing more is given.
          const other = scan(changed);
          const sizeBytes = 0;
          expect({ ...seen, end: { ...seen.end, sizeBytes } }).toEqual({
            ...other,
            end: { ...other.end, sizeBytes },
          });
        },
      ),
      { numRuns: 3000 },
    );
  });
});
