/** A post-mortem report of telemetry files, without a store: `afdscope analyze FILE… --html`. */
import { addNanos, type UnixNanos } from '#lib/base/units.ts';
import type { TelemetryFiles } from '#lib/ingest/read-files.ts';
import { deploymentsIn } from '#lib/model/assemble.ts';
import type { PostmortemFacts } from '#lib/postmortem/facts.ts';
import { MemoryStore } from '#lib/store/memory-store.ts';
import { type AnalyzeOptions, chooseDeployment, readQuestionFiles } from './analyze-files.ts';
import { BadQuestionError } from './errors.ts';
import { timeText } from './parse-time.ts';
import { postmortemFacts } from './postmortem.ts';
import type { PostmortemQuestion } from './questions.ts';
import { parseWindow } from './window.ts';

export interface FilesPostmortem {
  readonly facts: PostmortemFacts;
  readonly files: TelemetryFiles;
}

/** Ends of the window that are absent are those of the events. Errors as in `analyzeFiles`. */
export async function postmortemOfFiles(
  paths: readonly string[],
  options: AnalyzeOptions & Pick<PostmortemQuestion, 'setup' | 'url' | 'zone'>,
  nowUnixNs: UnixNanos,
): Promise<FilesPostmortem> {
  const given = parseWindow(options, nowUnixNs);
  const files = await readQuestionFiles(paths, options);
  const deployment = chooseDeployment(deploymentsIn(files.events), options.deployment);
  const store = new MemoryStore();
  const { events, metrics, rejected, logRecords } = files;
  const batch = { batchId: 'files', receivedUnixNs: nowUnixNs, packed: [] };
  await store.append([{ ...batch, events, metrics, rejected, logRecords }]);
  const seen = (await store.deployments()).find((row) => row.deployment === deployment);
  if (seen === undefined) {
    throw new BadQuestionError('deployment', 'The files hold no AFD events.');
  }
  const question = {
    ...options,
    deployment,
    from: timeText(given.fromUnixNs ?? seen.firstSeenUnixNs),
    to: timeText(given.toUnixNs ?? addNanos(seen.lastSeenUnixNs, 1)),
    conditions: null,
  };
  const facts = await postmortemFacts(store, null, question, nowUnixNs);
  return { facts: { ...facts, intake: null }, files };
}
