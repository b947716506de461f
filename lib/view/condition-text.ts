/** The collector's conditions in the words of the pages: banners, health page. */
import type { Condition } from '#lib/api/condition.ts';
import { ageText, instantText } from './format.ts';

const TITLES: Readonly<Record<string, string>> = {
  'disk-full': 'Disk full',
  locked: 'Database locked',
  damaged: 'Database damaged',
  'read-only': 'Data folder read-only',
  'folder-gone': 'Data folder gone',
  'disk-error': 'Disk error',
  memory: 'Out of memory',
  'write-ahead-log': 'Write-ahead log too long',
  'store-stopped': 'Store stopped',
  overload: 'Overload',
  clock: 'Clock jumped',
  'data-lost': 'Stored data lost',
  alerting: 'Alerts late',
  'rules-file': 'Rules file wrong',
  'receivers-file': 'Receivers file wrong',
};

/** A condition of a newer collector goes by its own name. */
export function conditionTitle(name: string): string {
  return (Object.hasOwn(TITLES, name) ? TITLES[name] : undefined) ?? name;
}

/** "since 14:02:11 (35 s)", by the viewer's clock and time zone. */
export function sinceText({ sinceUnixMs }: Condition, nowUnixMs: number): string {
  const clock = instantText(sinceUnixMs).local.slice(11, 19);
  return `since ${clock} (${ageText(Math.max(0, nowUnixMs - sinceUnixMs))})`;
}

/** What it means for the viewer, in one sentence. */
export function conditionEffect(condition: Condition, nowUnixMs: number): string {
  const since = sinceText(condition, nowUnixMs);
  return condition.notReady
    ? `No telemetry is stored ${since}; senders are told to send again.`
    : `S${since.slice(1)}: ${condition.detail.replace(/\.$/, '')}.`;
}

/** Refusals that tell a sender to come again, most first: "12 overloaded, 3 unavailable". */
export function refusedText(refused: Readonly<Record<string, number>>): string {
  return Object.entries(refused)
    .filter(([, count]) => count > 0)
    .sort(([, a], [, b]) => b - a)
    .map(([reason, count]) => `${count.toLocaleString('en-US')} ${reason.replaceAll('_', ' ')}`)
    .join(', ');
}
