/** The history of alerts as episodes: from the first sign to the end. */
import type { AlertEvent, AlertJson } from '#lib/api/alerts.ts';
import type { HistoryFilter } from './alert-choice.ts';
import { ageText } from './format.ts';

export interface AlertEpisode {
  readonly alertId: string;
  readonly rule: string;
  readonly severity: AlertJson['severity'];
  readonly deployment: string;
  readonly labels: Readonly<Record<string, string>>;
  /** When its condition became true, or it fired where that is not in the history. */
  readonly fromUnixMs: number;
  /** null: it was pending alone. */
  readonly firedUnixMs: number | null;
  /** null: it goes on, or its end is not in the history. */
  readonly toUnixMs: number | null;
  readonly value: number | null;
  /** It fired `FLAPS` times or more within an hour around. */
  readonly isFlapping: boolean;
  /** It was a consequence of another when it fired. */
  readonly isInhibited: boolean;
  /** Oldest first. */
  readonly changes: readonly AlertEvent[];
}

/** Fired so often within an hour is flapping. */
const FLAPS = 3;
const HOUR_MS = 3_600_000;

/** `events`: in any order, some perhaps twice. The episodes are newest first. */
export function alertEpisodes(events: readonly AlertEvent[]): readonly AlertEpisode[] {
  const unique = new Map(
    events.map((event) => [`${event.atUnixMs} ${event.change} ${event.alertId}`, event]),
  );
  const byAlert = Map.groupBy(unique.values(), ({ alertId }) => alertId);
  const episodes = [...byAlert.values()].flatMap((own) =>
    episodesOf([...own].sort((a, b) => a.atUnixMs - b.atUnixMs)),
  );
  return episodes.sort((a, b) => startOf(b) - startOf(a) || a.alertId.localeCompare(b.alertId));
}

function startOf({ firedUnixMs, fromUnixMs }: AlertEpisode): number {
  return firedUnixMs ?? fromUnixMs;
}

/** Of one alert, oldest first. */
function episodesOf(events: readonly AlertEvent[]): AlertEpisode[] {
  const parts: AlertEvent[][] = [];
  let open: AlertEvent[] | null = null;
  for (const event of events) {
    // Somebody's word on an alert that is over, or whose beginning is not there, begins nothing.
    const begins = event.change === 'pending' || event.change === 'firing';
    if (open === null) {
      if (!begins && event.change !== 'resolved') continue;
      open = [];
      parts.push(open);
    } else if (event.change === 'pending') {
      open = [];
      parts.push(open);
    }
    open.push(event);
    if (event.change === 'resolved' || event.change === 'dropped') open = null;
  }
  const fired = parts.flatMap((part) => firedAt(part) ?? []);
  return parts.map((changes) => episodeOf(changes, fired));
}

function firedAt(changes: readonly AlertEvent[]): number | null {
  return changes.find(({ change }) => change === 'firing')?.atUnixMs ?? null;
}

function episodeOf(changes: readonly AlertEvent[], fired: readonly number[]): AlertEpisode {
  const first = changes[0]!;
  const last = changes.at(-1)!;
  const ended = last.change === 'resolved' || last.change === 'dropped';
  const firedUnixMs = firedAt(changes) ?? (last.change === 'resolved' ? first.atUnixMs : null);
  return {
    alertId: first.alertId,
    rule: first.rule,
    severity: last.severity,
    deployment: first.deployment,
    labels: first.labels,
    fromUnixMs: first.atUnixMs,
    firedUnixMs,
    toUnixMs: ended ? last.atUnixMs : null,
    value: changes.find(({ change }) => change === 'firing')?.value ?? first.value,
    isFlapping: firedUnixMs !== null && isFlapping(fired, firedUnixMs),
    isInhibited: changes.some(({ change }) => change === 'inhibited'),
    changes,
  };
}

/** Is the instant one of `FLAPS` of `fired` (ascending) that lie within an hour? */
function isFlapping(fired: readonly number[], atUnixMs: number): boolean {
  for (let i = 0; i + FLAPS <= fired.length; i++) {
    const [from, to] = [fired[i]!, fired[i + FLAPS - 1]!];
    if (to - from <= HOUR_MS && from <= atUnixMs && atUnixMs <= from + HOUR_MS) return true;
  }
  return false;
}

export function filteredEpisodes(
  episodes: readonly AlertEpisode[],
  filter: HistoryFilter,
): readonly AlertEpisode[] {
  if (filter === 'pending') return episodes;
  return episodes.filter(
    ({ firedUnixMs, isFlapping: flaps }) => firedUnixMs !== null && (filter === 'fired' || flaps),
  );
}

/** `fired for 4 min`, `fires`, `pending for 8 s`. */
export function episodeText(episode: AlertEpisode, nowUnixMs: number): string {
  const { fromUnixMs, firedUnixMs, toUnixMs } = episode;
  const start = firedUnixMs ?? fromUnixMs;
  const length = ageText((toUnixMs ?? nowUnixMs) - start);
  if (firedUnixMs === null) return toUnixMs === null ? 'pending' : `pending for ${length}`;
  return toUnixMs === null ? `fires for ${length}` : `fired for ${length}`;
}

const CHANGE_WORDS: Readonly<Record<AlertEvent['change'], string>> = {
  pending: 'condition became true',
  firing: 'fired',
  resolved: 'resolved',
  dropped: 'was over before it fired',
  inhibited: 'became a consequence of another alert',
  released: 'stands for itself again',
  acknowledged: 'acknowledged',
  silenced: 'silenced',
  unsilenced: 'no longer silenced',
};

export function changeText({ change, detail }: Pick<AlertEvent, 'change' | 'detail'>): string {
  return detail === '' ? CHANGE_WORDS[change] : `${CHANGE_WORDS[change]}: ${detail}`;
}
