/** A window of a deployment as a file: `GET /api/v1/export`, `afdscope export`. */

import { closest } from '#lib/base/closest.ts';
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import type { TelemetryReader } from '#lib/store/telemetry-store.ts';
import type { Stores } from './answer.ts';
import { BadQuestionError } from './errors.ts';
import type { ExportFormat, ExportSelection } from './export-format.ts';
import { EXPORT_FORMATS } from './export-formats.ts';
import type { ExportQuestion } from './export-question.ts';
import { STAGES_OPTION } from './export-tables.ts';
import { incidentDetail } from './incidents.ts';
import { parseWindow, requireDeployment } from './window.ts';

export interface Export {
  readonly format: ExportFormat;
  /** Such as "prod-20260801T120000Z-30s.afdscope". */
  readonly fileName: string;
  readonly pieces: AsyncIterable<Uint8Array>;
}

/**
 * Checks the question; pieces are made when they are asked for. Ends of the window that are absent
 * are the deployment's first start and last end.
 * @throws BadQuestionError, UnknownDeploymentError
 */
export async function exportWindow(
  { telemetry, state }: Stores,
  question: ExportQuestion,
  nowUnixNs: UnixNanos,
  version: string,
): Promise<Export> {
  const format = formatNamed(question.format);
  const options = question.options ?? {};
  for (const name of Object.keys(options)) {
    if (!(format.options ?? []).includes(name)) {
      throw new BadQuestionError(name, `The format ${format.name} takes no "${name}".`);
    }
  }
  const incident =
    question.incident === undefined
      ? undefined
      : (await incidentDetail(await state(), { incidentId: question.incident })).incident;
  const deployment = question.deployment ?? incident?.deployment ?? '';
  if (deployment === '') throw new BadQuestionError('deployment', 'Say which deployment.');
  if (incident !== undefined && incident.deployment !== deployment) {
    throw new BadQuestionError('incident', `The incident is of ${incident.deployment}.`);
  }
  const { from = incident?.window.fromUnixNs, to = incident?.window.toUnixNs } = question;
  const given = parseWindow({ from, to }, nowUnixNs);
  const seen = await requireDeployment(telemetry, deployment);
  const window = {
    fromUnixNs: given.fromUnixNs ?? seen.firstSeenUnixNs,
    toUnixNs: given.toUnixNs ?? addNanos(seen.lastSeenUnixNs, 1),
  };
  if (window.fromUnixNs >= window.toUnixNs) {
    const name = given.fromUnixNs === undefined ? 'to' : 'from';
    throw new BadQuestionError(name, 'The deployment has no events in this window.');
  }
  const workers = question.workers?.split(',').filter((id) => id !== '') ?? [];
  const selection: ExportSelection = {
    deployment,
    window,
    isWhole: given.fromUnixNs === undefined && given.toUnixNs === undefined,
    ...(workers.length === 0 ? {} : { workers }),
    ...(incident === undefined ? {} : { incident }),
    options,
  };
  await requireContent(telemetry, selection);
  await requireStages(telemetry, selection);
  const source = { telemetry, state, selection, seen, nowUnixNs, version };
  return { format, fileName: fileNameOf(selection, format), pieces: format.write(source) };
}

/**
 * An empty file would look like one of a quiet cluster. Metric points alone are something, too.
 * @throws BadQuestionError
 */
async function requireContent(
  telemetry: TelemetryReader,
  { deployment, window, workers }: ExportSelection,
): Promise<void> {
  const selection = { deployment, window };
  const events = telemetry.scanEvents(
    workers === undefined ? selection : { ...selection, workers: [...workers] },
  );
  for await (const { length } of events) if (length > 0) return;
  if (workers !== undefined) {
    throw new BadQuestionError(
      'workers',
      `The deployment has no events of ${workers.join(', ')} in this window; workers are written as attention/0, ffn/3.`,
    );
  }
  for await (const { length } of telemetry.scanMetrics(selection)) if (length > 0) return;
  throw new BadQuestionError(
    'from',
    'The deployment has no events in this window; deployments and the time that they sent are on the Deployments page.',
  );
}

/**
 * A stage that the window does not have is a mistyped one: the file would lack what was asked for, and
 * not say so.
 * @throws BadQuestionError
 */
async function requireStages(
  telemetry: TelemetryReader,
  { deployment, window, workers, options }: ExportSelection,
): Promise<void> {
  const missing = new Set((options[STAGES_OPTION] ?? '').split(',').filter((name) => name !== ''));
  if (missing.size === 0) return;
  const found = new Set<string>();
  const columns = { measures: [], lists: [] } as const;
  const selection = { deployment, window, columns };
  const events = telemetry.scanEvents(
    workers === undefined ? selection : { ...selection, workers: [...workers] },
  );
  for await (const { length, stage, stageNames } of events) {
    const isHere = new Uint8Array(stageNames.length);
    for (let row = 0; row < length; row++) isHere[stage[row]!] = 1;
    for (const [code, name] of stageNames.entries()) {
      if (isHere[code] === 0) continue;
      found.add(name);
      missing.delete(name);
    }
    if (missing.size === 0) return;
  }
  const known = [...found].sort();
  const wrong = [...missing].map((name) => {
    const near = closest(name, known);
    return `${JSON.stringify(name)}${near === null ? '' : ` (did you mean ${near}?)`}`;
  });
  throw new BadQuestionError(
    STAGES_OPTION,
    `No event in this window has the stage ${wrong.join(', ')}; its stages are ${known.join(', ')}.`,
  );
}

/** @throws BadQuestionError */
export function formatNamed(name: string): ExportFormat {
  const found = EXPORT_FORMATS.find((format) => format.name === name);
  if (found !== undefined) return found;
  const known = EXPORT_FORMATS.map((format) => format.name).join(', ');
  throw new BadQuestionError(
    'format',
    `There is no format ${JSON.stringify(name)}; known: ${known}.`,
  );
}

const MAX_NAME_CHARACTERS = 80;

function fileNameOf({ deployment, window }: ExportSelection, format: ExportFormat): string {
  const name = deployment.replaceAll(/[^\w.-]+/g, '_').slice(0, MAX_NAME_CHARACTERS);
  const from = new Date(Number(window.fromUnixNs / 1_000_000n));
  const stamp = from.toISOString().replaceAll(/[-:]|\.\d+/g, '');
  const seconds = Number(window.toUnixNs - window.fromUnixNs) / 1e9;
  const length = seconds >= 1 ? `${Math.round(seconds)}s` : `${Math.ceil(seconds * 1000)}ms`;
  return `${name}-${stamp}-${length}${format.extension}`;
}
