/**
 * The format `archive`: everything that the report of the window is made of, so that it is the same
 * where the archive is imported (docs/archive.md).
 */
import { ARCHIVE_EXTENSION } from '#lib/archive/archive-frame.ts';
import type { ArchiveAnnotation, ArchiveManifest } from '#lib/archive/manifest.ts';
import { ArchiveWriter } from '#lib/archive/write-archive.ts';
import { addNanos, NS_PER_S, unixNanosFromMs } from '#lib/base/units.ts';
import type { Annotation } from '#lib/store/state-store.ts';
import type { TimeWindow } from '#lib/store/telemetry-store.ts';
import { isPackedTable } from '#lib/table/packed-tables.ts';
import type { ExportFormat, ExportSelection, ExportSource } from './export-format.ts';
import { MARGIN_NS } from './load-events.ts';
import { countsFor, rejectionsOf } from './rejections.ts';
import { earlier } from './window.ts';

/** Engines export every 10 to 60 s: charts look back so far for the point before the window. */
const METRIC_LOOK_BACK_NS = 120 * NS_PER_S;

export const ARCHIVE_FORMAT: ExportFormat = {
  name: 'archive',
  title: 'Archive (.afdscope), imports elsewhere to the same report',
  extension: ARCHIVE_EXTENSION,
  contentType: 'application/vnd.afdscope.archive',
  write: archivePieces,
};

async function* archivePieces(source: ExportSource): AsyncGenerator<Uint8Array> {
  const { telemetry, selection } = source;
  const { deployment, window, workers } = selection;
  const writer = new ArchiveWriter();
  yield* writer.begin(await manifestOf(source));
  const around = widened(window, MARGIN_NS, MARGIN_NS);
  const events = { deployment, window: around, ...(workers === undefined ? {} : { workers }) };
  for await (const slice of telemetry.scanSteps(events)) {
    yield isPackedTable(slice) ? writer.steps(slice) : writer.events(slice);
  }
  const metrics = { deployment, window: widened(window, METRIC_LOOK_BACK_NS, MARGIN_NS) };
  for await (const table of telemetry.scanMetrics(metrics)) yield writer.metrics(table);
  const state = await source.state();
  const notes = await state.annotations(deployment, window.fromUnixNs, window.toUnixNs);
  const all = [...notes.map(noteOf), ...incidentNotes(selection.incident)];
  if (all.length > 0) yield writer.annotations(all);
  yield writer.end();
}

async function manifestOf(source: ExportSource): Promise<ArchiveManifest> {
  const { telemetry, selection, seen, nowUnixNs, version } = source;
  const { deployment, window, isWhole, workers } = selection;
  const totals = await telemetry.ingestTotals();
  const pins = await telemetry.pins(deployment);
  return {
    schema: 'afdscope.archive/1',
    createdUnixNs: String(nowUnixNs),
    version,
    deployment,
    topology: seen.topology,
    window: textWindow(window),
    marginNs: MARGIN_NS,
    isWhole,
    ...(workers === undefined ? {} : { workers: [...workers] }),
    rejected: { ...rejectionsOf(countsFor(totals, deployment), deployment) },
    pins: pins
      .filter((pin) => pin.fromUnixNs < window.toUnixNs && pin.toUnixNs > window.fromUnixNs)
      .map(textWindow),
  };
}

function widened(window: TimeWindow, beforeNs: number, afterNs: number): TimeWindow {
  return {
    fromUnixNs: earlier(window.fromUnixNs, beforeNs),
    toUnixNs: addNanos(window.toUnixNs, afterNs),
  };
}

function textWindow({ fromUnixNs, toUnixNs }: TimeWindow) {
  return { fromUnixNs: String(fromUnixNs), toUnixNs: String(toUnixNs) };
}

/** Notes on its window: what it is called, and what people wrote. */
function incidentNotes(incident: ExportSelection['incident']): ArchiveAnnotation[] {
  if (incident === undefined) return [];
  const { id, title, window, createdUnixMs, notes } = incident;
  const named = { author: '', text: `Incident ${id}: ${title}`, atUnixMs: createdUnixMs };
  return [named, ...notes].map(({ author, text, atUnixMs }, i) => ({
    id: `incident/${id}/${i}`,
    ...window,
    author,
    text,
    createdUnixNs: String(unixNanosFromMs(atUnixMs)),
  }));
}

function noteOf(note: Annotation) {
  return {
    id: note.id,
    fromUnixNs: String(note.fromUnixNs),
    toUnixNs: String(note.toUnixNs),
    author: note.author,
    text: note.text,
    createdUnixNs: String(note.createdUnixNs),
  };
}
