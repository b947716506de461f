'use client';

import Link from 'next/link';
import type { CSSProperties } from 'react';
import {
  BAND,
  type BalanceJson,
  GAUGE_TICKS,
  type Gauge,
  gaugeOf,
  gaugePlace,
  type Side,
  sidesOf,
} from '#lib/view/balance-view.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { durationFigure, ratioFigure, significant } from '#lib/view/format.ts';
import { ON_STAGE, roleColour } from '#lib/view/palette.ts';
import { barsHeightPx, barsLegend, GAUGE_PX, paintBars, paintGauge } from './bars-paint.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';
import { useTheme } from './root-setting.ts';
import { type CsvCell, csvText } from './save-file.ts';
import { SaveMenu } from './save-menu.tsx';
import { Swatch } from './stacked-bar.tsx';

/** Which side is slower, and how each would spend a layer. */
export function BalanceGauge({ balance }: { readonly balance: BalanceJson }) {
  const { hrefOf } = useDashboard();
  const gauge = gaugeOf(balance);
  return (
    <section className="panel flex min-w-0 flex-col" aria-label="Ratio of the sides">
      <header className="flex items-baseline gap-2 px-3 pt-2">
        <h2 className="panel-title">{gauge === null ? 'Ratio of the sides' : headline(gauge)}</h2>
        <Link
          className="ml-auto text-small text-accent underline underline-offset-3"
          href={hrefOf('/layers')}
        >
          by layer
        </Link>
        <SaveGauge balance={balance} gauge={gauge} />
      </header>
      {gauge !== null && <Scale gauge={gauge} />}
      <dl className="grid grid-cols-2 gap-x-3 px-3 text-small">
        <Times
          side="attention"
          effectiveNs={balance.taEffectiveNs}
          medianNs={balance.taNs}
          name="Attention"
        />
        <Times side="ffn" effectiveNs={balance.tfEffectiveNs} medianNs={balance.tfNs} name="FFN" />
      </dl>
      <div className="mt-3 border-t border-line px-3 pt-2 pb-3">
        <h3 className="mb-1.5 text-small text-muted">
          A layer of the <TermName term="idealPeriod">ideal period</TermName> on each side
        </h3>
        <div className="flex flex-col gap-2.5">
          {sidesOf(balance).map((side) => (
            <SideBar key={side.role} side={side} />
          ))}
        </div>
      </div>
    </section>
  );
}

const PICTURE_PX = 640;

function SaveGauge({
  balance,
  gauge,
}: {
  readonly balance: BalanceJson;
  readonly gauge: Gauge | null;
}) {
  const theme = useTheme();
  const bars = sidesOf(balance).map(({ role, parts }) => ({ name: SIDE_NAMES[role], parts }));
  const gaugePx = gauge === null ? 0 : GAUGE_PX;
  return (
    <SaveMenu
      title="the ratio of the sides"
      picture={() => ({
        name: 'balance',
        title: gauge === null ? 'Ratio of the sides' : headline(gauge),
        legend: barsLegend(bars),
        widthPx: PICTURE_PX,
        heightPx: gaugePx + barsHeightPx(bars),
        body: {
          paint: (pen) => {
            if (gauge !== null) paintGauge(pen, gauge, PICTURE_PX, theme);
            paintBars(pen, bars, PICTURE_PX, theme, gaugePx);
          },
        },
      })}
      csv={{ name: 'balance', text: () => csvText(balanceTable(balance)) }}
    />
  );
}

const SIDE_NAMES = { attention: 'Attention', ffn: 'FFN' } as const;

function balanceTable(balance: BalanceJson): readonly (readonly CsvCell[])[] {
  const { taNs, tfNs, taEffectiveNs, tfEffectiveNs } = balance;
  const times = { attention: [taEffectiveNs, taNs], ffn: [tfEffectiveNs, tfNs] } as const;
  return [
    ['side', 'figure', 'value', 'unit'],
    ...sidesOf(balance).flatMap(({ role, parts }) => [
      [role, 'effective time per micro-batch', times[role][0], 'ns'],
      [role, 'median time per micro-batch', times[role][1], 'ns'],
      ...parts.map(({ label, ratio }) => [role, label, ratio, 'share of the ideal period']),
    ]),
  ];
}

function headline({ slower, excessRatio, isInBand }: Gauge): string {
  const side = slower === 'attention' ? 'Attention' : 'FFN';
  const size = `${(excessRatio * 100).toFixed(0)} %`;
  if (excessRatio < 0.005) return 'Both sides take the same time';
  return isInBand
    ? `${side} is ${size} slower, inside the healthy band`
    : `${side} is ${size} slower than the other side`;
}

function Scale({ gauge }: { readonly gauge: Gauge }) {
  const from = gaugePlace(BAND[0]) * 100;
  const to = gaugePlace(BAND[1]) * 100;
  return (
    <div className="px-6 pt-3 pb-2" data-testid="gauge">
      <div className="relative h-9">
        <div className="absolute inset-x-0 top-4 h-2 rounded-full border border-line bg-background" />
        <div
          className="absolute top-3 h-4 rounded-xs border border-muted bg-raised"
          style={{ left: `${from}%`, width: `${to - from}%` }}
          title={definitionText('healthyBand')}
        />
        <Mark mark={gauge.median} isHollow />
        <Mark mark={gauge.effective} />
      </div>
      <div className="relative h-4 text-tiny text-muted" aria-hidden="true">
        {GAUGE_TICKS.map((tick) => (
          <span key={tick} className="absolute" style={tickStyle(gaugePlace(tick))}>
            {tick}
          </span>
        ))}
      </div>
      <div className="flex items-center justify-between gap-3 text-small">
        <span className="text-muted">← FFN slower</span>
        <span className="flex items-center gap-3 whitespace-nowrap">
          <span title={definitionText('effectiveRatio')}>
            <Arrow /> <span className="defined text-muted">Ea / Ef</span>{' '}
            {significant(gauge.effective.ratio)}
          </span>
          <span title={definitionText('medianRatio')}>
            <Arrow isHollow /> <span className="defined text-muted">Ta / Tf</span>{' '}
            {significant(gauge.median.ratio)}
          </span>
        </span>
        <span className="text-muted">attention slower →</span>
      </div>
    </div>
  );
}

/** The outer ticks stay inside the scale. */
function tickStyle(at: number): CSSProperties {
  if (at <= 0) return { left: 0 };
  return at >= 1 ? { right: 0 } : { left: `${at * 100}%`, transform: 'translateX(-50%)' };
}

function Mark({
  mark,
  isHollow = false,
}: {
  readonly mark: Gauge['effective'];
  readonly isHollow?: boolean;
}) {
  return (
    <span
      role="img"
      aria-label={`${isHollow ? 'Ta / Tf' : 'Ea / Ef'} ${significant(mark.ratio)}`}
      title={definitionText(mark.term, significant(mark.ratio))}
      className="absolute top-0 h-8 w-4 -translate-x-1/2"
      style={{ left: `${mark.at * 100}%` }}
    >
      <svg viewBox="0 0 16 32" className="h-full w-full" aria-hidden="true">
        <path d="M8 12V28" stroke="var(--text)" strokeWidth={isHollow ? 1 : 2} />
        <path
          d="M2 1h12L8 12Z"
          fill={isHollow ? 'var(--panel)' : 'var(--text)'}
          stroke="var(--text)"
          strokeWidth="1.5"
        />
      </svg>
    </span>
  );
}

function Arrow({ isHollow = false }: { readonly isHollow?: boolean }) {
  return (
    <svg viewBox="0 0 16 13" className="inline h-2 w-2.5" aria-hidden="true">
      <path
        d="M2 1h12L8 12Z"
        fill={isHollow ? 'none' : 'var(--text)'}
        stroke="var(--text)"
        strokeWidth="1.5"
      />
    </svg>
  );
}

function Times({
  side,
  name,
  effectiveNs,
  medianNs,
}: {
  readonly side: 'attention' | 'ffn';
  readonly name: string;
  readonly effectiveNs: number;
  readonly medianNs: number;
}) {
  return (
    <div className="min-w-0">
      <dt className="flex items-center gap-1.5 text-muted">
        <Swatch look="filled" colour={roleColour(side)} /> {name}, per micro-batch
      </dt>
      <dd className="truncate">
        <span className="text-lead font-semibold">
          <Fig figure={durationFigure(effectiveNs)} term="effectiveRatio" />
        </span>{' '}
        <span className="text-muted">
          effective, <Fig figure={durationFigure(medianNs)} term="medianRatio" /> median
        </span>
      </dd>
    </div>
  );
}

function SideBar({ side }: { readonly side: Side }) {
  const name = SIDE_NAMES[side.role];
  return (
    <div data-testid={`side-${side.role}`}>
      <div className="flex h-6 w-full overflow-hidden rounded-box border border-line">
        {side.parts.map((part) => (
          <div
            key={part.term}
            className={`flex min-w-0 items-center justify-center overflow-hidden text-small whitespace-nowrap ${part.look === 'filled' ? '' : part.look}`}
            style={
              {
                width: `${part.ratio * 100}%`,
                ...(part.look === 'filled'
                  ? { background: part.colour, color: ON_STAGE }
                  : { '--hatch': part.colour }),
              } as CSSProperties
            }
            title={definitionText(part.term, `${ratioFigure(part.ratio).value} %, ${part.label}`)}
          >
            {part.ratio >= 0.09 && (
              <span className={part.look === 'filled' ? '' : 'rounded-box bg-panel px-1 text-text'}>
                {ratioFigure(part.ratio).value} %
              </span>
            )}
          </div>
        ))}
      </div>
      <ul className="mt-1 flex flex-wrap gap-x-3 text-small">
        <li className="font-semibold">{name}</li>
        {side.parts.map((part) => (
          <li
            key={part.term}
            className="flex items-center gap-1.5"
            title={definitionText(part.term)}
          >
            <Swatch look={part.look} colour={part.colour} />
            <span className="text-muted">{part.label}</span>
            <span>
              {ratioFigure(part.ratio).value} <span className="unit">%</span>
            </span>
          </li>
        ))}
      </ul>
    </div>
  );
}
