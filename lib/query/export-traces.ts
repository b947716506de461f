/** Formats of trace viewers: Chrome JSON, Perfetto. */
import { floorTo, NS_PER_S } from '#lib/base/units.ts';
import { chromeTrace, type TraceOptions } from '#lib/export/chrome.ts';
import { perfettoTrace } from '#lib/export/perfetto.ts';
import { BadQuestionError } from './errors.ts';
import type { ExportFormat, ExportSource } from './export-format.ts';
import { ExportEvents } from './export-parts.ts';
import { aboutExport, choiceOf, STAGES_OPTION } from './export-tables.ts';
import { MARGIN_NS } from './load-events.ts';
import { earlier } from './window.ts';

/** `bubbles=no` leaves the tracks out that say why workers waited. */
const BUBBLES_OPTION = 'bubbles';

export const CHROME_FORMAT: ExportFormat = {
  name: 'chrome',
  title: 'Chrome trace, JSON (ui.perfetto.dev, chrome://tracing)',
  extension: '.trace.json',
  contentType: 'application/json',
  options: [STAGES_OPTION, BUBBLES_OPTION],
  async *write(source) {
    const options = traceOptions(source);
    const events = await ExportEvents.of(source.telemetry, source.selection);
    yield* chromeTrace(events.parts(), options);
  },
};

export const PERFETTO_FORMAT: ExportFormat = {
  name: 'perfetto',
  title: 'Perfetto trace, protobuf (ui.perfetto.dev, trace_processor)',
  extension: '.pftrace',
  contentType: 'application/octet-stream',
  options: [STAGES_OPTION, BUBBLES_OPTION],
  async *write(source) {
    const options = traceOptions(source);
    const { telemetry, selection } = source;
    const events = await ExportEvents.of(telemetry, selection);
    yield* perfettoTrace(events.parts(), selection.deployment, options);
  },
};

function traceOptions(source: ExportSource): TraceOptions {
  const { selection } = source;
  const bubbles = selection.options[BUBBLES_OPTION] ?? 'yes';
  if (bubbles !== 'yes' && bubbles !== 'no') {
    throw new BadQuestionError(BUBBLES_OPTION, `"${bubbles}" is no choice: write yes or no.`);
  }
  // Events that reach into the window may start before it; viewers want no negative times.
  const before = earlier(selection.window.fromUnixNs, MARGIN_NS);
  return {
    baseUnixNs: floorTo(before, BigInt(NS_PER_S)),
    choice: choiceOf(selection),
    withBubbles: bubbles === 'yes',
    about: aboutExport(source),
  };
}
