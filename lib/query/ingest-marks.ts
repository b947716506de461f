/**
 * Marks of events that came late, twice, or were refused or changed, for the timeline. They are of the
 * deployment: a refused event has no row. Times are the senders' own, to the second; those of events
 * without a usable time are of their receipt.
 */
import type { TimelineMark } from '#lib/api/timeline-tile.ts';
import { NS_PER_S } from '#lib/base/units.ts';
import type { IngestMarkBucket, TelemetryReader, TimeWindow } from '#lib/store/telemetry-store.ts';
import type { RejectReason } from '#lib/table/reject-reasons.ts';
import { isImported } from './rejections.ts';

/** Each holds a whole number of what the store keeps: seconds, minutes, hours. */
const RESOLUTIONS_S = [1, 5, 10, 30, 60, 300, 900, 3600, 21_600, 86_400, 604_800, 2_592_000];
/** Stretches of one answer: a tile is up to a thousand pixels wide. */
const MAX_STRETCHES = 200;

type MarkKind = Exclude<TimelineMark['kind'], 'unobserved'>;

const TOLD: Readonly<Record<RejectReason, { readonly kind: MarkKind; readonly words: string }>> = {
  duplicate: { kind: 'duplicate', words: 'came again, and are stored once' },
  late: { kind: 'late', words: 'came after the sums of their time were closed; stored, and added' },
  clamped: { kind: 'clamped', words: 'stored with a field forced into its range' },
  not_afd: { kind: 'rejected', words: 'refused: no afd.* attribute' },
  no_role: { kind: 'rejected', words: 'refused: no usable afd.role' },
  bad_time: { kind: 'rejected', words: 'refused: no usable time (shown when received)' },
  bad_attribute: {
    kind: 'rejected',
    words: 'refused: an attribute that the schema does not allow',
  },
  bad_packed: { kind: 'rejected', words: 'refused: packed steps that cannot be read' },
  cardinality: { kind: 'rejected', words: 'refused: more workers or stages than the bound' },
  unsupported_metric: { kind: 'rejected', words: 'refused: a metric of a type that is not stored' },
  own_telemetry: { kind: 'rejected', words: 'refused: telemetry of the collector itself' },
};

/** Of the deployment, and of senders whose deployment nobody knows, by start. */
export async function ingestMarks(
  reader: TelemetryReader,
  deployment: string,
  window: TimeWindow,
): Promise<TimelineMark[]> {
  const resolutionS = resolutionOf(window);
  const own = await reader.ingestMarks({ deployment, window, resolutionS });
  const nameless = await reader.ingestMarks({ deployment: '', window, resolutionS });
  const areOthers =
    nameless.length === 0 || deployment === '' || (await isImported(reader, deployment));
  const stretches = new Map<string, Stretch>();
  for (const bucket of own) addTo(stretches, bucket, false);
  if (!areOthers) for (const bucket of nameless) addTo(stretches, bucket, true);
  return [...stretches.values()]
    .sort((a, b) => a.startUnixS - b.startUnixS || (a.kind < b.kind ? -1 : 1))
    .map(markOf);
}

function resolutionOf({ fromUnixNs, toUnixNs }: TimeWindow): number {
  const lengthS = Number(toUnixNs - fromUnixNs) / NS_PER_S;
  const found = RESOLUTIONS_S.find((resolutionS) => lengthS / resolutionS <= MAX_STRETCHES);
  return found ?? RESOLUTIONS_S.at(-1)!;
}

interface Stretch {
  readonly kind: MarkKind;
  readonly startUnixS: number;
  readonly lengthS: number;
  /** Of which reason, and whether of no known deployment. */
  readonly parts: {
    readonly reason: RejectReason;
    readonly isNameless: boolean;
    readonly events: number;
  }[];
}

function addTo(
  stretches: Map<string, Stretch>,
  { startUnixS, lengthS, reason, events }: IngestMarkBucket,
  isNameless: boolean,
): void {
  const { kind } = TOLD[reason];
  const key = `${startUnixS} ${lengthS} ${kind}`;
  const stretch = stretches.get(key) ?? { kind, startUnixS, lengthS, parts: [] };
  stretches.set(key, stretch);
  stretch.parts.push({ reason, isNameless, events });
}

function markOf({ kind, startUnixS, lengthS, parts }: Stretch): TimelineMark {
  const reasons: Record<string, number> = {};
  for (const { reason, events } of parts) reasons[reason] = (reasons[reason] ?? 0) + events;
  const text = parts
    .toSorted((a, b) => b.events - a.events)
    .map(({ reason, isNameless, events }) => {
      const noun = events === 1 ? 'event' : 'events';
      const whose = isNameless ? ' of no known deployment' : '';
      return `${events.toLocaleString('en-US')} ${noun}${whose} ${TOLD[reason].words}`;
    });
  return {
    kind,
    row: -1,
    fromUnixNs: nanosText(startUnixS),
    toUnixNs: nanosText(startUnixS + lengthS),
    events: parts.reduce((sum, { events }) => sum + events, 0),
    reasons,
    text: `${text.join('; ')}.`,
  };
}

function nanosText(unixS: number): string {
  return String(BigInt(unixS) * BigInt(NS_PER_S));
}
