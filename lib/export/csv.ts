/**
 * Events as CSV (RFC 4180: commas, CRLF, quotes where needed), one row an event in the order of aligned
 * starts; the header names units. Numbers have all their digits; what an event does not have is empty,
 * members of lists are separated by blanks.
 */
import type { UnixNanos } from '#lib/base/units.ts';
import { LIST_COLUMNS, MEASURE_COLUMNS } from '#lib/model/column-names.ts';
import { ABSENT, KINDS, PHASES } from '#lib/table/codes.ts';
import { LISTS, MEASURES } from '#lib/table/event-table.ts';
import { workerId } from '#lib/table/worker-info.ts';
import { type ExportPart, ownRows, type RowChoice } from './export-part.ts';
import { UnixNsText } from './instant-text.ts';
import { TextPieces } from './text-pieces.ts';

const COLUMNS = [
  'worker',
  'group',
  'role',
  'rank',
  'host',
  'clock_domain',
  'start_unix_ns',
  'duration_ns',
  'raw_start_unix_ns',
  'raw_duration_ns',
  'stage',
  'kind',
  'phase',
  'domain',
  'step',
  'layer',
  'microbatch',
  'peer',
  ...MEASURES.map((name) => MEASURE_COLUMNS[name]),
  ...LISTS.map((name) => LIST_COLUMNS[name]),
];

/** `baseUnixNs`: any instant near the events. */
export async function* csv(
  parts: AsyncIterable<ExportPart>,
  baseUnixNs: UnixNanos,
  choice: RowChoice,
): AsyncGenerator<Uint8Array> {
  const out = new TextPieces();
  out.add(`${COLUMNS.join(',')}\r\n`);
  const aligned = new UnixNsText(baseUnixNs);
  for await (const part of parts) {
    const heads = part.raw.map((table) =>
      table.workers.map((worker) =>
        [
          workerId(worker),
          worker.group,
          worker.role,
          String(worker.rank),
          worker.host,
          worker.clockDomain,
        ]
          .map(field)
          .join(','),
      ),
    );
    const stages = part.raw.map((table) => table.stageNames.map(field));
    const rawNs = part.raw.map((table) => new UnixNsText(table.baseUnixNs));
    const rows = ownRows(part, baseUnixNs, choice);
    for (let i = 0; i < rows.length; i++) {
      const t = rows.table[i]!;
      const row = rows.row[i]!;
      const table = part.raw[t]!;
      let text =
        `${heads[t]![table.worker[row]!]},${aligned.at(rows.startNs[i]!)},${rows.durationNs[i]},` +
        `${rawNs[t]!.at(table.startNs[row]!)},${table.durationNs[row]},` +
        `${stages[t]![table.stage[row]!]},${KINDS[table.kind[row]!]},${PHASES[table.phase[row]!]},` +
        `${table.domain[row]},${present(table.step[row]!)},${present(table.layer[row]!)},` +
        `${present(table.microbatch[row]!)},${present(table.peer[row]!)}`;
      for (const name of MEASURES) text += `,${present(table.measures[name]?.[row] ?? ABSENT)}`;
      for (const name of LISTS) {
        const list = table.lists[name];
        text += ',';
        if (list !== null) {
          text += list.values.subarray(list.offsets[row]!, list.offsets[row + 1]!).join(' ');
        }
      }
      out.add(`${text}\r\n`);
      if (out.isFull) yield out.take();
    }
  }
  yield out.take();
}

function present(value: number): string {
  return value === ABSENT ? '' : String(value);
}

function field(text: string): string {
  return /[",\r\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}
