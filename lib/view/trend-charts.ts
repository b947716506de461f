/** The trend charts as data: which lines, in which unit, with gaps where nothing was measured. */
import type { TrendPoint } from '#lib/api/live-event.ts';
import type { Term } from './definitions.ts';
import { countFigure, type Figure, ratioFigure, significant } from './format.ts';
import { roleColour, STAGE_COLOURS } from './palette.ts';

export interface TrendLine {
  readonly name: string;
  readonly colour: string;
  readonly dashed: boolean;
  /** [unix ms, value]; null breaks the line. */
  readonly data: readonly (readonly [number, number | null])[];
}

export interface TrendChart {
  readonly id: 'throughput' | 'latency' | 'busy' | 'overlap' | 'period' | 'steps';
  readonly title: string;
  readonly unit: string;
  readonly term: Term;
  readonly lines: readonly TrendLine[];
  /** Ratios end at 1; others where their data ends. */
  readonly max: number | null;
}

type Read = (point: TrendPoint) => number | null;

export function trendCharts(points: readonly TrendPoint[]): readonly TrendChart[] {
  const groups = groupsOf(points);
  const line = (name: string, colour: string, read: Read, dashed = false): TrendLine => ({
    name,
    colour,
    dashed,
    data: withGaps(points, read),
  });
  const groupLines = (read: (group: TrendPoint['groups'][number]) => number | null) =>
    groups.map(({ group, role }, index) =>
      line(
        group,
        roleColour(role),
        (point) => {
          const found = point.groups.find((entry) => entry.group === group);
          return found === undefined ? null : read(found);
        },
        groups.findIndex((other) => other.role === role) !== index,
      ),
    );
  const charts: TrendChart[] = [
    {
      id: 'throughput',
      title: 'Throughput',
      unit: 'tokens/s',
      term: 'tokensPerSecond',
      lines: [line('tokens/s', STAGE_COLOURS.combine, (point) => point.tokensPerSecond)],
      max: null,
    },
    {
      id: 'latency',
      title: 'TPOT and step',
      unit: 'ms',
      term: 'tpot',
      lines: [
        line('TPOT', STAGE_COLOURS.gate, (point) => point.tpotMs),
        line('step', STAGE_COLOURS.sample, (point) => point.stepLatencyMs, true),
      ],
      max: null,
    },
    {
      id: 'busy',
      title: 'Busy per group',
      unit: '%',
      term: 'busyRatio',
      lines: groupLines(busyWhileActive),
      max: 1,
    },
    {
      id: 'overlap',
      title: 'Overlap per group',
      unit: '%',
      term: 'overlapRatio',
      lines: groupLines((group) => group.overlapRatio),
      max: 1,
    },
    {
      id: 'period',
      title: 'Layer period',
      unit: 'µs',
      term: 'measuredPeriod',
      lines: [
        line('measured', STAGE_COLOURS.a2f, (point) => point.measuredPeriodUs),
        line('ideal', STAGE_COLOURS.host, (point) => point.idealPeriodUs, true),
      ],
      max: null,
    },
    {
      id: 'steps',
      title: 'Steps seen',
      unit: '/s',
      term: 'stepRate',
      lines: [line('steps', STAGE_COLOURS.collective, (point) => point.stepsPerSecond)],
      max: null,
    },
  ];
  return charts;
}

/** Busy as the cards show it: of active time, so that steps left out by the sender do not count. */
export function busyWhileActive(group: TrendPoint['groups'][number]): number | null {
  return group.activeBubbleRatio === null ? null : 1 - group.activeBubbleRatio;
}

/** Groups in order of first sight: attention first, as senders of the first transfer. */
function groupsOf(points: readonly TrendPoint[]): readonly { group: string; role: string }[] {
  const byName = new Map<string, { group: string; role: string }>();
  for (const point of points) {
    for (const { group, role } of point.groups) {
      if (!byName.has(group)) byName.set(group, { group, role });
    }
  }
  const order = ['attention', 'ffn', 'colocated', 'prefill'];
  return [...byName.values()].sort(
    (a, b) => order.indexOf(a.role) - order.indexOf(b.role) || (a.group < b.group ? -1 : 1),
  );
}

/** Breaks the line where points are further apart than two of their buckets. */
function withGaps(points: readonly TrendPoint[], read: Read): (readonly [number, number | null])[] {
  const data: (readonly [number, number | null])[] = [];
  let previous: TrendPoint | null = null;
  for (const point of points) {
    if (previous !== null) {
      const gapMs = point.atUnixMs - previous.atUnixMs;
      if (gapMs > 2 * Math.max(point.spanMs, previous.spanMs)) {
        data.push([previous.atUnixMs + previous.spanMs, null]);
      }
    }
    data.push([point.atUnixMs, read(point)]);
    previous = point;
  }
  return data;
}

export function hasData(chart: TrendChart): boolean {
  return chart.lines.some((line) => line.data.some(([, value]) => value !== null));
}

/** The newest value of a line. */
export function lastValue(line: TrendLine): number | null {
  for (let i = line.data.length - 1; i >= 0; i--) {
    const value = line.data[i]![1];
    if (value !== null) return value;
  }
  return null;
}

/** A chart's value with its unit, as axis and tooltip show it. */
export function trendFigure(chart: TrendChart, value: number | null): Figure {
  if (chart.unit === '%') return ratioFigure(value);
  if (chart.unit === 'tokens/s' || chart.unit === '/s') return countFigure(value, chart.unit);
  if (value === null) return { value: '–', unit: '', exact: 'no data' };
  return { value: significant(value), unit: chart.unit, exact: `${value} ${chart.unit}` };
}

/** The chart as CSV: one row an instant, one column a line, raw values. */
export function trendCsv(chart: TrendChart): string {
  const instants = [...new Set(chart.lines.flatMap((line) => line.data.map(([at]) => at)))].sort(
    (a, b) => a - b,
  );
  const unit = chart.unit === '%' ? 'ratio' : chart.unit;
  const columns = chart.lines.map((line) => new Map(line.data));
  const head = ['time', ...chart.lines.map((line) => quoted(`${line.name} (${unit})`))];
  const rows = instants.map((at) => [
    new Date(at).toISOString(),
    ...columns.map((column) => String(column.get(at) ?? '')),
  ]);
  return `${[head, ...rows].map((row) => row.join(',')).join('\n')}\n`;
}

/** Quoted where CSV needs it; a leading formula sign is defused for spreadsheets. */
function quoted(text: string): string {
  const safe = /^[=+\-@]/.test(text) ? `'${text}` : text;
  return /[",\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
}
