/** Tiny random tables for property tests: wild ones that shrink, and pipelines with holes. */
import * as fc from 'fast-check';
import { unixNanos } from '#lib/base/units.ts';
import { Kind, STAGES, Stage } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { type EventRow, EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { seededRandom, testWorker } from './afd-table.ts';

export const RANDOM_BASE_UNIX_NS = unixNanos(1_780_000_000_000_000_123n);

function workers(fields: Partial<WorkerInfo>): WorkerInfo[] {
  return [
    testWorker(0, { role: 'attention', ...fields }),
    testWorker(1, { role: 'attention', ...fields }),
    testWorker(0, { role: 'ffn', ...fields }),
    testWorker(1, { role: 'ffn', ...fields }),
    testWorker(0, { role: 'ffn', ...fields, incarnation: 'two' }),
    testWorker(0, { role: 'colocated', ...fields }),
    testWorker(0, { role: 'attention', deployment: 'other' }),
  ];
}

const row = fc.record({
  worker: fc.nat(6),
  stage: fc.nat(STAGES.length),
  kind: fc.nat(5),
  startNs: fc.nat(80),
  durationNs: fc.nat(20),
  domain: fc.nat(1),
  step: fc.integer({ min: -1, max: 4 }),
  layer: fc.integer({ min: -1, max: 2 }),
  microbatch: fc.integer({ min: -1, max: 1 }),
  phase: fc.constantFrom(0, 0, 0, 0, 1, 3),
  peer: fc.integer({ min: -1, max: 1 }),
  peers: fc.constantFrom<number[]>([], [], [], [0], [0, 1]),
  tokens: fc.integer({ min: -1, max: 5 }),
});

/** Anything goes: wrong sides, missing keys, equal rows, several workers of one rank. */
export const wildTables: fc.Arbitrary<EventTable[]> = fc
  .record({
    rows: fc.array(row, { maxLength: 40 }),
    repeats: fc.array(fc.nat(39), { maxLength: 4 }),
    split: fc.nat(40),
    rendezvous: fc.boolean(),
  })
  .map(({ rows, repeats, split, rendezvous }) => {
    const all = [...rows];
    for (const r of repeats) if (r < rows.length) all.push(rows[r]!);
    const infos = workers(rendezvous ? { sendMode: 'rendezvous' } : {});
    return [all.slice(0, split), all.slice(split)].map((part, t) => {
      const base = unixNanos(RANDOM_BASE_UNIX_NS + BigInt(7 * t));
      const builder = new EventTableBuilder(base, infos, [...STAGES, 'mystery']);
      for (const { peers, tokens, ...fields } of part) {
        builder.add({ ...fields, measures: { tokens }, lists: { peers } });
      }
      return builder.finish();
    });
  });

/** A small pipeline of seeded durations, some of its events lost. */
export function pipelineTable(seed: number): EventTable {
  const random = seededRandom(seed);
  const upTo = (n: number): number => Math.floor(random() * (n + 1));
  const sendEnd = (['arrival', 'posted', 'unknown'] as const)[upTo(2)]!;
  const sendMode = upTo(3) === 0 ? 'rendezvous' : 'unknown';
  const infos = workers({ sendEnd, sendMode }).slice(0, 4);
  const builder = new EventTableBuilder(RANDOM_BASE_UNIX_NS, infos);
  const lost = upTo(2) === 0 ? 0.04 : 0;
  // Now and then all sends of a step's layer are lost, so that its receives match nothing.
  const lostSends = upTo(2) === 0 ? upTo(8) : -1;
  const add = (event: EventRow): void => {
    const isSend = event.stage === Stage.a2f_send || event.stage === Stage.f2a_send;
    if (isSend && (event.step ?? 0) * 3 + (event.layer ?? 0) === lostSends) return;
    if (random() >= lost) builder.add(event);
  };
  const steps = 1 + upTo(2);
  const microbatches = 1 + upTo(1);
  const withBytes = upTo(1) === 1;
  let begin = 0;
  for (let step = 0; step < steps; step++) {
    let end = begin;
    for (let mb = 0; mb < microbatches; mb++) {
      let at = begin + mb * (2 + upTo(4));
      for (let layer = 0; layer < 3; layer++) {
        at = addKey({ step, layer, microbatch: mb }, at, upTo, add, withBytes);
      }
      end = Math.max(end, at);
    }
    begin = end - upTo(6) + upTo(9);
  }
  return builder.finish();
}

type Key = Pick<Required<EventRow>, 'step' | 'layer' | 'microbatch'>;

function addKey(
  key: Key,
  startNs: number,
  upTo: (n: number) => number,
  add: (event: EventRow) => void,
  withBytes: boolean,
): number {
  if (key.layer === 0) {
    for (const worker of [0, 1]) {
      add({ ...key, worker, stage: Stage.dense, kind: Kind.compute, startNs, durationNs: 3 });
    }
    return startNs + 3;
  }
  const bytes = (): Pick<EventRow, 'measures'> =>
    withBytes
      ? { measures: { bytes: 1 + upTo(9), tokens: upTo(5) } }
      : { measures: { tokens: upTo(5) } };
  let sent = startNs;
  for (const worker of [0, 1]) {
    const durationNs = 2 + upTo(5);
    add({
      ...key,
      worker,
      stage: Stage.attention,
      kind: Kind.compute,
      startNs,
      durationNs,
      ...bytes(),
    });
    const gate = startNs + durationNs - upTo(1) + upTo(1);
    add({ ...key, worker, stage: Stage.gate, kind: Kind.compute, startNs: gate, durationNs: 1 });
    const send = gate + upTo(2);
    for (const peer of upTo(1) === 0 ? [-1] : [0, 1]) {
      const event = { ...key, worker, peer, stage: Stage.a2f_send, kind: Kind.transfer };
      add({ ...event, startNs: send + upTo(1), durationNs: 1 + upTo(4), ...bytes() });
    }
    sent = Math.max(sent, send + 3);
  }
  let answered = sent;
  for (const worker of [2, 3]) {
    const receive = startNs + upTo(6);
    add({
      ...key,
      worker,
      stage: Stage.a2f_recv,
      kind: Kind.receive,
      startNs: receive,
      durationNs: Math.max(1, sent - receive),
    });
    add({
      ...key,
      worker,
      stage: Stage.expert,
      kind: Kind.compute,
      startNs: sent,
      durationNs: 3 + upTo(4),
    });
    add({
      ...key,
      worker,
      stage: Stage.collective,
      kind: Kind.transfer,
      startNs: sent + 2,
      durationNs: 1 + upTo(3),
    });
    const send = sent + 4 + upTo(3);
    add({
      ...key,
      worker,
      stage: Stage.f2a_send,
      kind: Kind.transfer,
      startNs: send,
      durationNs: 2 + upTo(4),
      ...bytes(),
    });
    answered = Math.max(answered, send + 2);
  }
  for (const worker of [0, 1]) {
    const receive = sent + upTo(3);
    const event = { ...key, worker, stage: Stage.f2a_recv, kind: Kind.receive };
    const middle = receive + Math.max(1, Math.floor((answered - receive) / 2));
    add({ ...event, startNs: receive, durationNs: middle - receive, peer: 0 });
    add({ ...event, startNs: middle, durationNs: Math.max(1, answered - middle), peer: 1 });
  }
  return answered + upTo(1);
}
