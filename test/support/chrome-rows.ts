/** Events of an exported Chrome trace, read back from its `args`, as comparable rows. */
import { KINDS, PHASES } from '#lib/table/codes.ts';
import { type EventTable, LISTS, MEASURES } from '#lib/table/event-table.ts';
import type { WorkerInfo } from '#lib/table/worker-info.ts';
import { workerKey } from '#lib/table/worker-key.ts';

export interface ChromeEvent {
  readonly ph: string;
  readonly name: string;
  readonly cat?: string;
  readonly pid: number;
  readonly tid?: number;
  readonly ts?: number;
  readonly dur?: number;
  readonly id?: number;
  readonly bp?: string;
  readonly args?: Readonly<Record<string, unknown>>;
}

const MEASURE_ARGS: Readonly<Record<string, string>> = {
  bytes: 'size_bytes',
  contextTokens: 'context_tokens',
  expertsActive: 'experts_active',
  expertsMaxTokens: 'experts_max_tokens',
  expertsMeanTokens: 'experts_mean_tokens',
};

export function rowsOfTrace(trace: {
  readonly baseTimeNanoseconds: number;
  readonly traceEvents: readonly ChromeEvent[];
}): string[] {
  const base = BigInt(trace.baseTimeNanoseconds);
  const sources = new Map(
    trace.traceEvents
      .filter(({ name }) => name === 'afd_source')
      .map(({ args }) => [args!.source, workerKey(args as unknown as WorkerInfo)]),
  );
  const rows = trace.traceEvents
    .filter(({ ph, args }) => ph === 'X' && args?.afd === 1)
    .map(({ ts, dur, args }) => {
      const of = (name: string, absent: unknown = -1) => args![name] ?? absent;
      const durationNs = Number(of('duration_ns', Math.round(dur! * 1000)));
      return JSON.stringify([
        sources.get(args!.source),
        String(base + BigInt(Math.round(ts! * 1000)) - BigInt(Number(of('aligned_by_ns', 0)))),
        durationNs - Number(of('stretched_by_ns', 0)),
        of('stage'),
        of('kind'),
        of('phase', 'decode'),
        of('domain'),
        of('step'),
        of('layer'),
        of('microbatch'),
        of('peer'),
        MEASURES.map((name) => of(MEASURE_ARGS[name] ?? name)),
        [of('peers', []), of('expert_tokens', [])],
      ]);
    });
  return rows.sort();
}

export function tableRows(tables: readonly EventTable[]): string[] {
  const rows: string[] = [];
  for (const table of tables) {
    for (let i = 0; i < table.length; i++) {
      rows.push(
        JSON.stringify([
          workerKey(table.workers[table.worker[i]!]!),
          String(table.baseUnixNs + BigInt(table.startNs[i]!)),
          table.durationNs[i],
          table.stageNames[table.stage[i]!],
          KINDS[table.kind[i]!],
          PHASES[table.phase[i]!],
          table.domain[i],
          table.step[i],
          table.layer[i],
          table.microbatch[i],
          table.peer[i],
          MEASURES.map((name) => table.measures[name]?.[i] ?? -1),
          LISTS.map((name) => {
            const list = table.lists[name];
            return list === null
              ? []
              : [...list.values.subarray(list.offsets[i], list.offsets[i + 1])];
          }),
        ]),
      );
    }
  }
  return rows.sort();
}
