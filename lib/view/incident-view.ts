/** An incident in figures and words: what it was, how it differs from when all was well. */
import type { IncidentDetail, IncidentJson } from '#lib/api/incidents.ts';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { millisOf } from './alert-links.ts';
import {
  countFigure,
  durationFigure,
  type Figure,
  NO_FIGURE,
  ratioFigure,
  significant,
} from './format.ts';
import type { TimeSelection } from './time-range.ts';
import { roleName } from './verdict-piece.ts';

export interface BeforeAfter {
  readonly name: string;
  readonly before: Figure;
  readonly after: Figure;
  /** (after - before) / before; null: one of them is not there. */
  readonly change: number | null;
  readonly tone: 'better' | 'worse' | 'calm';
}

/** Changes below are noise of a minute's window. */
const CALM_RATIO = 0.03;

interface Row {
  readonly name: string;
  readonly read: (report: ReportJson) => number | null | undefined;
  readonly figure: (value: number | null) => Figure;
  readonly better: 'higher' | 'lower';
}

/** The few figures that tell whether the cluster served as before; those that neither side has are left out. */
export function beforeAfter(
  incident: ReportJson | null,
  healthy: ReportJson | null,
): readonly BeforeAfter[] {
  const groups = (incident ?? healthy)?.groups ?? [];
  const rows: Row[] = [
    {
      name: 'Throughput',
      read: ({ steps }) => steps.tokensPerSecond,
      figure: (value) => countFigure(value, 'tokens/s'),
      better: 'higher',
    },
    {
      name: 'Step, median',
      read: ({ steps }) => steps.latencyNs?.p50,
      figure: durationFigure,
      better: 'lower',
    },
    {
      name: 'Step, p99',
      read: ({ steps }) => steps.latencyNs?.p99,
      figure: durationFigure,
      better: 'lower',
    },
    {
      name: 'Layer period',
      read: ({ balance }) => balance?.measuredPeriodNs,
      figure: durationFigure,
      better: 'lower',
    },
    {
      name: 'Attention, slowest worker (Ea)',
      read: ({ balance }) => balance?.taEffectiveNs,
      figure: durationFigure,
      better: 'lower',
    },
    {
      name: 'FFN, slowest worker (Ef)',
      read: ({ balance }) => balance?.tfEffectiveNs,
      figure: durationFigure,
      better: 'lower',
    },
    ...groups.flatMap((group): Row[] => {
      const own = (report: ReportJson) => report.groups.find((one) => one.group === group.group);
      return [
        {
          name: `Bubble, ${roleName(group)}`,
          read: (report) => own(report)?.activeBubbleRatio,
          figure: ratioFigure,
          better: 'lower',
        },
        {
          name: `Overlap, ${roleName(group)}`,
          read: (report) => own(report)?.overlapRatio,
          figure: ratioFigure,
          better: 'higher',
        },
      ];
    }),
    {
      name: 'Fullest expert rank over mean',
      read: ({ experts }) => experts?.maxOverMean,
      figure: (value) =>
        value === null
          ? NO_FIGURE
          : { value: `${significant(value)} ×`, unit: '', exact: String(value) },
      better: 'lower',
    },
  ];
  return rows.flatMap(({ name, read, figure, better }) => {
    const before = healthy === null ? null : (read(healthy) ?? null);
    const after = incident === null ? null : (read(incident) ?? null);
    if (before === null && after === null) return [];
    const change =
      before === null || after === null || before === 0 ? null : (after - before) / before;
    return [
      { name, before: figure(before), after: figure(after), change, tone: toneOf(change, better) },
    ];
  });
}

function toneOf(change: number | null, better: 'higher' | 'lower'): BeforeAfter['tone'] {
  if (change === null || Math.abs(change) < CALM_RATIO) return 'calm';
  return change > 0 === (better === 'higher') ? 'better' : 'worse';
}

/** Both windows on the page of comparisons: A is the healthy one. */
export function compareHref(
  deployment: string,
  incident: ReportJson['window'],
  healthy: ReportJson['window'],
): string {
  const search = new URLSearchParams({
    d: deployment,
    a: deployment,
    'a.from': healthy.startUnixNs,
    'a.to': healthy.endUnixNs,
    b: deployment,
    'b.from': incident.startUnixNs,
    'b.to': incident.endUnixNs,
  });
  return `/compare?${search}`;
}

export function incidentRange({ window }: IncidentJson): TimeSelection & { kind: 'absolute' } {
  return {
    kind: 'absolute',
    fromMs: millisOf(window.fromUnixNs),
    toMs: millisOf(window.toUnixNs) + 1,
  };
}

/** The part of the window that the timeline opens with: around the first alert, else the end. */
export function incidentExtent({
  incident,
  timeline,
}: Pick<IncidentDetail, 'incident' | 'timeline'>): {
  readonly fromUnixNs: bigint;
  readonly toUnixNs: bigint;
} {
  const [from, to] = [BigInt(incident.window.fromUnixNs), BigInt(incident.window.toUnixNs)];
  const first = timeline.find(
    ({ alertId, change }) => change === 'firing' && incident.alertIds.includes(alertId),
  );
  const half = 2_000_000_000n;
  const middle = first === undefined ? to - half : BigInt(Math.round(first.atUnixMs)) * 1_000_000n;
  const start = middle - half > from ? middle - half : from;
  const end = middle + half < to ? middle + half : to;
  return end > start ? { fromUnixNs: start, toUnixNs: end } : { fromUnixNs: from, toUnixNs: to };
}

const EVIDENCE_WORDS: Readonly<Record<IncidentJson['evidence'], string>> = {
  recording: 'recording',
  kept: 'raw events kept',
  partial: 'raw events kept in part',
  released: 'raw events given to retention',
};

export function evidenceText({ evidence }: IncidentJson): string {
  return EVIDENCE_WORDS[evidence];
}

/** Open ones first, then the newest. */
export function incidentOrder(incidents: readonly IncidentJson[]): readonly IncidentJson[] {
  return [...incidents].sort(
    (a, b) =>
      Number(a.status === 'resolved') - Number(b.status === 'resolved') ||
      b.createdUnixMs - a.createdUnixMs,
  );
}

export function openCount(incidents: readonly IncidentJson[]): number {
  return incidents.filter(({ status }) => status === 'open').length;
}

export function windowLengthNs({ window }: IncidentJson): number {
  return Number(BigInt(window.toUnixNs) - BigInt(window.fromUnixNs));
}
