/** Recorded steps replayed with changes: `GET /api/v1/deployments/{id}/whatif`, `afdscope whatif`. */
import { windowOf } from '#lib/analysis/build-report.ts';
import { keyTimes } from '#lib/analysis/key-times.ts';
import { fitLoadModel } from '#lib/analysis/load-model.ts';
import { type LoadShares, loadShares } from '#lib/analysis/load-share.ts';
import { scalesAttention, scalesFfn, type Whatif, whatif } from '#lib/analysis/whatif.ts';
import { assumptionsOf } from '#lib/analysis/whatif-assumes.ts';
import {
  changeWords,
  checkNames,
  parseChanges,
  type WhatifChanges,
} from '#lib/analysis/whatif-changes.ts';
import { namesOf, type Recording, recordingOf } from '#lib/analysis/whatif-recording.ts';
import type { WhatifAnswer } from '#lib/api/whatif.ts';
import type { UnixNanos } from '#lib/base/units.ts';
import type { TelemetryFiles } from '#lib/ingest/read-files.ts';
import { alignEvents } from '#lib/model/align-events.ts';
import { assemble, deploymentsIn } from '#lib/model/assemble.ts';
import type { Assembled } from '#lib/model/assembled.ts';
import type { TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { type AnalyzeOptions, chooseDeployment, readQuestionFiles } from './analyze-files.ts';
import { BadQuestionError } from './errors.ts';
import { newestEvents } from './newest-events.ts';
import type { WhatifQuestion } from './questions.ts';
import { completed } from './report.ts';
import { cellsFor, MAX_CELLS } from './whatif-size.ts';
import { parseWindow, windowJson } from './window.ts';

/** Somebody waits: to read these and replay them takes about half a second of one core. */
const MAX_WHATIF_EVENTS = 400_000;

/** The newest part of the window; without `from` of its last ten seconds. */
export async function whatifQuestion(
  reader: TelemetryReader,
  question: WhatifQuestion,
  nowUnixNs: UnixNanos,
): Promise<WhatifAnswer> {
  const sets = question.set ?? [];
  const changes = changesOf(sets);
  const { assembled, window } = await newestEvents(reader, question, nowUnixNs, MAX_WHATIF_EVENTS);
  return answerOf(assembled, window, sets, changes);
}

export interface WhatifFileAnswer {
  readonly answer: WhatifAnswer;
  readonly files: TelemetryFiles;
}

/** Of telemetry files; errors as in `analyzeFiles`. */
export async function whatifFiles(
  paths: readonly string[],
  options: AnalyzeOptions,
  sets: readonly string[],
  nowUnixNs: UnixNanos,
): Promise<WhatifFileAnswer> {
  const changes = changesOf(sets);
  const given = parseWindow(options, nowUnixNs);
  const files = await readQuestionFiles(paths, options);
  const deployment = chooseDeployment(deploymentsIn(files.events), options.deployment);
  const assembled = assemble(alignEvents(files.events, deployment, given).tables, deployment);
  return { answer: answerOf(assembled, completed(given, assembled), sets, changes), files };
}

function changesOf(sets: readonly string[]): WhatifChanges {
  const parsed = parseChanges(sets);
  if (!parsed.ok) throw new BadQuestionError('set', problemText(parsed.error));
  return parsed.value;
}

function problemText({ set, message }: { set: string; message: string }): string {
  return `"${set}": ${message}.`;
}

function answerOf(
  assembled: Assembled,
  window: TimeWindow,
  sets: readonly string[],
  changes: WhatifChanges,
): WhatifAnswer {
  const recording = recordingOf(assembled, windowOf(assembled, window), MAX_CELLS);
  const common = {
    deployment: assembled.deployment,
    window: windowJson(window),
    events: assembled.events.length,
  };
  if (typeof recording === 'string') {
    const problem = `Nothing can be replayed: ${recording}.`;
    const changed = sets.map((set) => ({ set, words: set }));
    return { ...common, steps: 0, changes: changed, result: null, problem, assumes: [] };
  }
  const unknown = checkNames(changes, namesOf(recording));
  if (unknown !== null) throw new BadQuestionError('set', problemText(unknown));
  const domains = recording.domains.length;
  if (changes.attention !== null && changes.attention < domains) {
    const message = `each of the ${domains} domains needs an attention worker`;
    throw new BadQuestionError('set', problemText({ set: 'ratio', message }));
  }
  const cells = cellsFor(recording, changes);
  if (typeof cells === 'string') {
    throw new BadQuestionError('set', problemText({ set: sizeSet(sets), message: cells }));
  }
  const kept =
    cells < MAX_CELLS ? recordingOf(assembled, windowOf(assembled, window), cells) : recording;
  if (typeof kept === 'string') throw new TypeError(`It was replayable with more steps: ${kept}`);
  const shares = loadShares(fitLoadModel(assembled, keyTimes(assembled)));
  const { steps, ...result } = whatif(kept, changes, shares);
  return {
    ...common,
    steps,
    changes: sets.map((set) => ({ set, words: changeWords(set, shapeOf(result)) })),
    result,
    problem: null,
    assumes: assumes(kept, changes, shares),
  };
}

/** The change that makes the cluster larger. */
function sizeSet(sets: readonly string[]): string {
  return sets.find((set) => set.startsWith('ratio=')) ?? 'microbatches';
}

function shapeOf({ measured }: Pick<Whatif, 'measured'>): Parameters<typeof changeWords>[1] {
  return measured;
}

function assumes(recording: Recording, changes: WhatifChanges, shares: LoadShares): string[] {
  return assumptionsOf(changes, shares, scalesAttention(changes), scalesFfn(recording, changes));
}
