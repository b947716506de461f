'use client';

import { TriangleAlertIcon } from 'lucide-react';
import type { ReportJson } from '#lib/api/report-schema.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { countFigure, durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { roleColour } from '#lib/view/palette.ts';
import { type GroupUtilization, type Roofline, rooflineOf } from '#lib/view/roofline-view.ts';
import { Fig, TermName } from './figure.tsx';
import { Waiting } from './skeleton.tsx';
import { Swatch } from './stacked-bar.tsx';

/** What the GPUs achieved against what they can do; what to configure where that is not known. */
export function UtilizationPanel({ report }: { readonly report: ReportJson }) {
  const utilization = report.utilization ?? null;
  const roofline = utilization === null ? null : rooflineOf(utilization.groups);
  return (
    <section className="panel min-w-0" aria-label="Utilization" data-testid="utilization">
      <header className="flex flex-wrap items-baseline gap-x-3 px-3 pt-2 pb-1">
        <h2 className="panel-title">Utilization against the GPU’s peak</h2>
        {utilization !== null && (
          <span className="truncate text-small text-muted">
            {utilization.modelShape ?? utilization.model ?? 'model unknown'}
          </span>
        )}
      </header>
      {utilization === null ? (
        <div className="p-3">
          <Waiting
            heightPx={180}
            text={
              report.exactness === 'rollup'
                ? 'Rollups know no operations. Choose a shorter or newer window.'
                : 'No event of this window tells what was computed'
            }
          />
        </div>
      ) : (
        <div className="px-3 pb-3">
          {utilization.deadZone?.inZone === true && (
            <p className="mb-2 flex items-start gap-2">
              <TriangleAlertIcon size={15} aria-hidden className="mt-0.5 shrink-0 text-warning" />
              <span>
                <strong className="text-warning">
                  <TermName term="deadZone">Dead zone.</TermName>
                </strong>{' '}
                More FFN GPUs would not raise their utilization: {utilization.deadZone.because}{' '}
                (dispatch {figureText(durationFigure(utilization.deadZone.dispatchNs))}, experts{' '}
                {figureText(durationFigure(utilization.deadZone.expertNs))}).
              </span>
            </p>
          )}
          <div
            className={roofline === null ? '' : 'grid grid-cols-1 gap-x-4 sm:grid-cols-[1fr_250px]'}
          >
            <div className="min-w-0">
              {utilization.groups.filter(isKnown).map((group) => (
                <Group key={group.group} group={group} />
              ))}
            </div>
            {roofline !== null && <RooflineChart roofline={roofline} />}
          </div>
          {utilization.missing.length > 0 && (
            <div className="mt-2 text-small" data-testid="utilization-missing">
              <h3>{utilization.groups.some(isKnown) ? 'To see more' : 'Not known yet'}</h3>
              <ul className="list-disc pl-4 text-muted">
                {utilization.missing.map((text) => (
                  <li key={text}>{text}</li>
                ))}
              </ul>
            </div>
          )}
        </div>
      )}
    </section>
  );
}

const SOURCES = { events: 'the events', model: 'the model’s shape' } as const;

/** Is there anything to draw of the group? */
function isKnown({ flopsPerSecond, bytesPerSecond }: GroupUtilization): boolean {
  return flopsPerSecond !== null || bytesPerSecond !== null;
}

function Group({ group }: { readonly group: GroupUtilization }) {
  return (
    <div className="border-t border-line py-2 first:border-t-0">
      <p className="mb-1 flex items-center gap-1.5 text-small">
        <Swatch look="filled" colour={roleColour(group.role)} />
        <span className="font-semibold">{group.group}</span>
        <span className="truncate text-muted">
          {group.gpu ?? 'GPU unknown'}
          {group.precision !== null && ` · ${group.precision}`}
          {group.flopsFrom !== null && ` · FLOPs by ${SOURCES[group.flopsFrom]}`}
          {group.bytesFrom !== null && ` · bytes by ${SOURCES[group.bytesFrom]}`}
        </span>
      </p>
      <Meter
        term="mfu"
        ratio={group.mfuRatio}
        colour={roleColour(group.role)}
        achieved={group.flopsPerSecond}
        peak={group.peakFlopsPerSecond}
        unit="FLOP/s"
      />
      <Meter
        term="mbu"
        ratio={group.mbuRatio}
        colour={roleColour(group.role)}
        achieved={group.bytesPerSecond}
        peak={group.peakBytesPerSecond}
        unit="B/s"
      />
    </div>
  );
}

function Meter({
  term,
  ratio,
  colour,
  achieved,
  peak,
  unit,
}: {
  readonly term: 'mfu' | 'mbu';
  readonly ratio: number | null;
  readonly colour: string;
  readonly achieved: number | null;
  readonly peak: number | null;
  readonly unit: string;
}) {
  return (
    <div className="grid grid-cols-[3rem_1fr_4rem] items-center gap-2 text-small">
      <TermName term={term} />
      <div
        className="h-3 rounded-xs border border-line"
        title={definitionText(
          term,
          `${figureText(rate(achieved, unit))} of ${figureText(rate(peak, unit))}`,
        )}
      >
        <div
          className="h-full"
          style={{ width: `${Math.min(1, ratio ?? 0) * 100}%`, background: colour }}
        />
      </div>
      <span className="text-right whitespace-nowrap">
        <Fig figure={ratioFigure(ratio)} term={term} />
      </span>
      <span className="col-span-2 col-start-2 -mt-0.5 mb-1 text-tiny text-muted">
        {figureText(rate(achieved, unit))}
        {peak !== null && ` of ${figureText(rate(peak, unit))}`}
        {ratio !== null && ratio > 1 && (
          <span className="text-warning">
            {' '}
            · over the peak: another GPU, or another model, than is named
          </span>
        )}
      </span>
    </div>
  );
}

/** Peaks are in tera and peta, which counts elsewhere do not reach. */
function rate(value: number | null, unit: string): ReturnType<typeof countFigure> {
  if (value === null || value < 1e12) return countFigure(value, unit);
  const isPeta = value >= 999.5e12;
  const scaled = countFigure(value / (isPeta ? 1e15 : 1e12), '');
  return { ...scaled, unit: `${isPeta ? 'P' : 'T'}${unit}`, exact: `${value} ${unit}` };
}

const WIDTH_PX = 250;
const HEIGHT_PX = 170;
const LEFT_PX = 38;
const BOTTOM_PX = 30;
const TOP_PX = 20;

function RooflineChart({ roofline }: { readonly roofline: Roofline }) {
  const x = (at: number): number => LEFT_PX + at * (WIDTH_PX - LEFT_PX - 8);
  const y = (at: number): number => HEIGHT_PX - BOTTOM_PX - at * (HEIGHT_PX - BOTTOM_PX - TOP_PX);
  return (
    <svg
      viewBox={`0 0 ${WIDTH_PX} ${HEIGHT_PX}`}
      className="w-full max-w-80"
      role="img"
      aria-label="Roofline: FLOP per second over FLOP per byte"
      data-testid="roofline"
    >
      <title>{definitionText('roofline')}</title>
      <g stroke="var(--line)" fontSize="9" fill="var(--muted)">
        {roofline.xTicks.map(({ at, label }) => (
          <g key={label}>
            <line x1={x(at)} x2={x(at)} y1={y(0)} y2={y(1)} />
            <text x={x(at)} y={y(0) + 11} textAnchor={at === 1 ? 'end' : 'middle'} stroke="none">
              {label}
            </text>
          </g>
        ))}
        {roofline.yTicks.map(({ at, label }) => (
          <g key={label}>
            <line x1={x(0)} x2={x(1)} y1={y(at)} y2={y(at)} />
            <text x={LEFT_PX - 4} y={y(at) + 3} textAnchor="end" stroke="none">
              {label}
            </text>
          </g>
        ))}
        <text x={x(0.5)} y={HEIGHT_PX - 6} textAnchor="middle" stroke="none">
          FLOP/byte
        </text>
        <text x={2} y={9} stroke="none">
          FLOP/s
        </text>
      </g>
      {roofline.roofs.map(({ name, path }, index) => (
        <path
          key={name}
          d={path.map(([px, py], i) => `${i === 0 ? 'M' : 'L'}${x(px)} ${y(py)}`).join('')}
          fill="none"
          stroke="var(--text)"
          strokeWidth="1.5"
          strokeDasharray={index === 0 ? undefined : '4 3'}
        >
          <title>{name}</title>
        </path>
      ))}
      {roofline.points.map((point) => (
        <g key={point.group}>
          <circle
            cx={x(point.x)}
            cy={y(point.y)}
            r="4.5"
            fill={point.colour}
            stroke="var(--background)"
          />
          <text x={x(point.x) + 7} y={y(point.y) + 3} fontSize="10" fill="var(--text)">
            {point.group}
          </text>
        </g>
      ))}
    </svg>
  );
}
