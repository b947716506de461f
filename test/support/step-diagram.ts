/**
 * A drawing of a step becomes a table. One line is one stage of one worker in one layer; a column is
 * one unit of time; a run of equal digits is one event of that micro-batch, a run of `x` one without.
 *
 *     attention/0  attention  layer=0            |00001111····|
 *     attention/0  a2f_send   layer=0 peer=0     |····00··11··|
 *     ffn/0        a2f_recv   layer=0            |·00000··11··|
 *
 * Words after the stage: layer, step (default 0), domain, peer, peers=0+2, kind, tokens, bytes.
 */
import { unixNanos } from '#lib/base/units.ts';
import { Kind, Stage, type StageName } from '#lib/table/codes.ts';
import type { EventTable } from '#lib/table/event-table.ts';
import { EventTableBuilder } from '#lib/table/event-table-builder.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { testWorker } from './afd-table.ts';

export const DRAWN_BASE_UNIX_NS = unixNanos(1_780_000_000_000_000_000n);

const DEFAULT_KIND: Record<StageName, number> = {
  attention: Kind.compute,
  gate: Kind.compute,
  a2f_send: Kind.transfer,
  a2f_recv: Kind.receive,
  expert: Kind.compute,
  shared_expert: Kind.compute,
  dense: Kind.compute,
  f2a_send: Kind.transfer,
  f2a_recv: Kind.receive,
  combine: Kind.compute,
  collective: Kind.transfer,
  sample: Kind.compute,
  copy: Kind.copy,
  host: Kind.host,
};

const MEASURE_WORDS = ['tokens', 'bytes'] as const;

/** `unitNs`: nanoseconds a column. `fields` override what the drawn workers say about themselves. */
export function drawTable(
  drawing: string,
  unitNs = 10,
  fields: Partial<WorkerInfo> = {},
): EventTable {
  const workers: WorkerInfo[] = [];
  const indexById = new Map<string, number>();
  const builder = new EventTableBuilder(DRAWN_BASE_UNIX_NS, workers);
  for (const line of drawing.split('\n')) {
    if (line.trim() === '') continue;
    const [head, columns] = line.split('|');
    const [id, stage, ...words] = head!.trim().split(/\s+/);
    if (columns === undefined || id === undefined || !isStage(stage)) {
      throw new Error(`not "worker stage words |drawing|": ${line}`);
    }
    let worker = indexById.get(id);
    if (worker === undefined) {
      const [role, rank] = id.split('/');
      if (role !== 'attention' && role !== 'ffn' && role !== 'colocated') throw new Error(line);
      worker = workers.push(testWorker(Number(rank), { role, ...fields })) - 1;
      indexById.set(id, worker);
    }
    const word = new Map(words.map((w) => w.split('=') as [string, string]));
    const number = (name: string): number | undefined =>
      word.has(name) ? Number(word.get(name)) : undefined;
    const kind = word.get('kind');
    const measures: Partial<Record<(typeof MEASURE_WORDS)[number], number>> = {};
    for (const name of MEASURE_WORDS) {
      const value = number(name);
      if (value !== undefined) measures[name] = value;
    }
    const peers = word.get('peers')?.split('+').map(Number);
    for (const run of columns.matchAll(/(\d)\1*|x+/g)) {
      builder.add({
        worker,
        stage: Stage[stage],
        kind: kind === undefined ? DEFAULT_KIND[stage] : Kind[kind as keyof typeof Kind],
        startNs: run.index * unitNs,
        durationNs: run[0].length * unitNs,
        step: number('step') ?? 0,
        layer: number('layer') ?? -1,
        microbatch: run[0][0] === 'x' ? -1 : Number(run[0][0]),
        domain: number('domain') ?? 0,
        peer: number('peer') ?? -1,
        measures,
        ...(peers === undefined ? {} : { lists: { peers } }),
      });
    }
  }
  return builder.finish();
}

function isStage(name: string | undefined): name is StageName {
  return name !== undefined && name in Stage;
}
