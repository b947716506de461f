/** Incidents for people. */
import type { IncidentDetail, IncidentJson } from '#lib/api/incidents.ts';
import { bytesText, ratioText } from './figures.ts';
import { printable } from './printable.ts';
import { formatTable } from './text-table.ts';

export function formatIncidents(incidents: readonly IncidentJson[]): string {
  if (incidents.length === 0) return 'no incidents';
  return formatTable(
    [
      { title: 'id' },
      { title: 'status' },
      { title: 'severity' },
      { title: 'raw events' },
      { title: 'kept', align: 'right' },
      { title: 'deployment' },
      { title: 'from' },
      { title: 'length', align: 'right' },
      { title: 'title' },
    ],
    incidents.map((incident) => [
      incident.id,
      incident.status,
      incident.severity ?? 'by hand',
      incident.evidence,
      incident.pinnedBytes === null ? '' : bytesText(incident.pinnedBytes),
      printable(incident.deployment === '' ? '(collector)' : incident.deployment),
      instant(incident.window.fromUnixNs),
      lengthText(incident),
      printable(incident.title),
    ]),
  ).join('\n');
}

export function formatIncident(detail: IncidentDetail): string {
  const { incident, report, baseline, timeline, setup } = detail;
  const { window } = incident;
  const lines = [
    `${incident.id}: ${incident.title}`,
    `status       ${incident.status}${incident.severity === null ? '' : `, ${incident.severity}`}${endText(incident)}`,
    `deployment   ${incident.deployment === '' ? '(the collector itself)' : incident.deployment}`,
    `window       ${instant(window.fromUnixNs)} to ${instant(window.toUnixNs)} (${lengthText(incident)})`,
    `raw events   ${incident.evidence}${incident.pinnedBytes === null ? '' : `, ${bytesText(incident.pinnedBytes)}`}`,
    ...(incident.evidenceNote === '' ? [] : [`             ${incident.evidenceNote}`]),
    `made with    afdscope ${setup.version}, ${setup.rules.length} alert rules`,
  ];
  if (report === null) lines.push(`report       ${detail.reportNote}`);
  else {
    lines.push(
      `report       ${report.exactness}, ${report.steps.count} steps; bubbles: ${bubbles(report)}`,
    );
    if (detail.reportNote !== '') lines.push(`             ${detail.reportNote}`);
    const slow = report.stragglers.slice(0, 3).map(({ worker }) => worker);
    if (slow.length > 0) lines.push(`slow         ${slow.join(', ')}`);
  }
  lines.push(
    baseline === null
      ? `before       ${detail.baselineNote}`
      : `before       ${instant(baseline.window.startUnixNs)}, healthy; bubbles: ${bubbles(baseline)}`,
  );
  if (timeline.length > 0) {
    lines.push(
      '',
      ...formatTable(
        [{ title: 'when' }, { title: 'alert' }, { title: 'change' }, { title: 'what' }],
        timeline.map((event) => [
          new Date(event.atUnixMs).toISOString(),
          event.rule,
          event.change,
          event.detail,
        ]),
      ),
    );
  }
  if (incident.notes.length > 0) {
    lines.push(
      '',
      ...formatTable(
        [{ title: 'when' }, { title: 'who' }, { title: 'note' }],
        incident.notes.map((note) => [
          new Date(note.atUnixMs).toISOString(),
          note.author === '' ? '–' : note.author,
          note.text,
        ]),
      ),
    );
  }
  return lines.map(printable).join('\n');
}

type Groups = NonNullable<IncidentDetail['report']>;

function bubbles({ groups }: Groups): string {
  return groups.map((one) => `${one.group} ${ratioText(one.activeBubbleRatio)}`).join(', ');
}

function endText({ endedUnixMs, origin }: IncidentJson): string {
  if (origin === 'manual') return '';
  return endedUnixMs === null
    ? ', alerts go on'
    : `, alerts ended ${new Date(endedUnixMs).toISOString()}`;
}

function lengthText({ window }: IncidentJson): string {
  return `${(Number(BigInt(window.toUnixNs) - BigInt(window.fromUnixNs)) / 1e9).toFixed(0)} s`;
}

function instant(unixNs: string): string {
  return new Date(Number(BigInt(unixNs) / 1_000_000n)).toISOString();
}
