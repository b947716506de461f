/** The time window of a question, from the texts that a URL or a command line gave. */
import { NS_PER_S, type UnixNanos, unixNanos } from '#lib/base/units.ts';
import type { StoredDeployment, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import { BadQuestionError, UnknownDeploymentError } from './errors.ts';
import { parseTime } from './parse-time.ts';

/** `from` and `to` as they were written; absent: the question's default. */
export interface TimeTexts {
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/**
 * Both ends, where both or neither are given in full; throws `BadQuestionError` on a text that is
 * not a time and on a window that ends before it starts.
 */
export function parseWindow(texts: TimeTexts, nowUnixNs: UnixNanos): Partial<TimeWindow> {
  const from = texts.from === undefined ? undefined : parseInstant('from', texts.from, nowUnixNs);
  const to = texts.to === undefined ? undefined : parseInstant('to', texts.to, nowUnixNs);
  if (from !== undefined && to !== undefined && from >= to) {
    throw new BadQuestionError('to', 'The window is empty: "to" must lie after "from".');
  }
  return {
    ...(from === undefined ? {} : { fromUnixNs: from }),
    ...(to === undefined ? {} : { toUnixNs: to }),
  };
}

/** The named window with `to` = now and `from` = `defaultNs` before it where they are absent. */
export function windowOrNewest(
  texts: TimeTexts,
  nowUnixNs: UnixNanos,
  defaultNs: number = 300 * NS_PER_S,
): TimeWindow {
  const given = parseWindow(texts, nowUnixNs);
  const toUnixNs = given.toUnixNs ?? nowUnixNs;
  const fromUnixNs = given.fromUnixNs ?? earlier(toUnixNs, defaultNs);
  if (fromUnixNs >= toUnixNs) {
    throw new BadQuestionError('from', 'The window is empty: "from" must lie before "to".');
  }
  return { fromUnixNs, toUnixNs };
}

/** Throws `UnknownDeploymentError` where the store has never heard of `deployment`. */
export async function requireDeployment(
  reader: TelemetryReader,
  deployment: string,
): Promise<StoredDeployment> {
  const all = await reader.deployments();
  const found = all.find((row) => row.deployment === deployment);
  if (found === undefined) {
    throw new UnknownDeploymentError(
      deployment,
      all.map((row) => row.deployment),
    );
  }
  return found;
}

/** `instant - spanNs`, not before 1970. */
export function earlier(instantUnixNs: UnixNanos, spanNs: number): UnixNanos {
  const start = instantUnixNs - BigInt(Math.round(spanNs));
  return unixNanos(start < 0n ? 0n : start);
}

/** @throws BadQuestionError where the text is not a time. */
export function parseInstant(parameter: string, text: string, nowUnixNs: UnixNanos): UnixNanos {
  const parsed = parseTime(text, nowUnixNs);
  if (!parsed.ok) throw new BadQuestionError(parameter, parsed.error);
  return parsed.value;
}

/** As an answer of the API tells it. */
export function windowJson({ fromUnixNs, toUnixNs }: TimeWindow) {
  return {
    startUnixNs: String(fromUnixNs),
    endUnixNs: String(toUnixNs),
    durationNs: Number(toUnixNs - fromUnixNs),
  };
}
