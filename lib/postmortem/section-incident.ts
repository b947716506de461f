/** What was frozen as an incident, what its alerts did, and what people wrote. */
import { type Block, note, type Runs, type Section, table, text } from './document.ts';
import type { PostmortemFacts } from './facts.ts';
import { utcText } from './instants.ts';

const MOST_ROWS = 200;

export function incidentSection(facts: PostmortemFacts): Section {
  const { incident: frozen } = facts;
  return {
    id: 'incident',
    title: 'Incident',
    blocks: frozen === null || frozen === undefined ? [] : incidentBlocks(frozen),
  };
}

type Frozen = NonNullable<PostmortemFacts['incident']>;

function incidentBlocks({ incident, timeline, setup }: Frozen): Block[] {
  const { origin, severity, status, endedUnixMs, createdUnixMs, notes, evidenceNote } = incident;
  const made = origin === 'alert' ? `${severity ?? ''} alert`.trim() : 'hand';
  const end =
    origin === 'manual'
      ? ''
      : endedUnixMs === null
        ? ' Its alerts had not all ended.'
        : ` The last of its alerts ended ${msText(endedUnixMs)}.`;
  return [
    text([
      { text: incident.title, strong: true, link: `/incidents/${encodeURIComponent(incident.id)}` },
      ` (${incident.id}), made by ${made} ${msText(createdUnixMs)}, ${status}.${end}`,
    ]),
    ...(evidenceNote === '' ? [] : [note(evidenceNote)]),
    ...table(
      'What alerts did',
      [{ title: 'When' }, { title: 'Alert' }, { title: 'Change' }, { title: 'What' }],
      timeline.map(({ atUnixMs, rule, change, detail }): Runs[] => [
        msText(atUnixMs),
        rule,
        change,
        detail === '' ? '–' : detail,
      ]),
      MOST_ROWS,
    ),
    ...table(
      'Notes on the incident',
      [{ title: 'When' }, { title: 'Who' }, { title: 'Note' }],
      notes.map((one): Runs[] => [
        msText(one.atUnixMs),
        one.author === '' ? '–' : one.author,
        one.text,
      ]),
      MOST_ROWS,
    ),
    ...table(
      `Configuration when it was made, by afdscope ${setup.version}`,
      [{ title: 'Key' }, { title: 'Value' }],
      Object.entries(setup.config).map(([key, value]): Runs[] => [key, value]),
      MOST_ROWS,
    ),
  ];
}

function msText(unixMs: number): string {
  return utcText(String(BigInt(Math.round(unixMs)) * 1_000_000n));
}
