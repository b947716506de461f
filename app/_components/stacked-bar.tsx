'use client';

import Link from 'next/link';
import type { CSSProperties } from 'react';
import { type BarPart, splitParts } from '#lib/view/bubble-parts.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { durationFigure, ratioFigure } from '#lib/view/format.ts';
import { ON_STAGE } from '#lib/view/palette.ts';
import { useDashboard } from './dashboard.tsx';

/** A window as one bar; numbers inside where they fit. */
export function StackedBar({ parts }: { readonly parts: readonly BarPart[] }) {
  return (
    <div
      className="flex h-7 w-full overflow-hidden rounded-box border border-line"
      aria-hidden="true"
    >
      {parts.map((part) => (
        <div
          key={part.term}
          className={`flex min-w-0 items-center justify-center overflow-hidden text-small whitespace-nowrap ${
            part.look === 'filled' ? '' : part.look
          }`}
          style={partStyle(part)}
          title={definitionText(part.term, `${ratioFigure(part.ratio).value} %, ${part.label}`)}
        >
          {part.ratio >= 0.07 && (
            <span className={part.look === 'filled' ? '' : 'rounded-box bg-panel px-1 text-text'}>
              {ratioFigure(part.ratio).value} %
            </span>
          )}
        </div>
      ))}
    </div>
  );
}

function partStyle(part: BarPart): CSSProperties {
  const width = `${part.ratio * 100}%`;
  if (part.look === 'filled') return { width, background: part.colour, color: ON_STAGE };
  return { width, '--hatch': part.colour } as CSSProperties;
}

/** The parts by name, with share and time per worker; a cause leads to who waited because of whom. */
export function PartList({
  parts,
  workers,
}: {
  readonly parts: readonly BarPart[];
  readonly workers: number;
}) {
  const { hrefOf } = useDashboard();
  const { shown, small } = splitParts(parts);
  return (
    <ul className="mt-2 grid grid-cols-2 gap-x-4 gap-y-0.5 text-small xl:grid-cols-3">
      {shown.map((part) => (
        <li key={part.term} className="flex items-center gap-1.5" title={definitionText(part.term)}>
          <Swatch look={part.look} colour={part.colour} />
          {part.cause === null ? (
            <span className="truncate text-muted">{part.label}</span>
          ) : (
            <Link
              href={hrefOf('/stragglers', { cause: part.cause })}
              prefetch={false}
              className="truncate text-muted underline decoration-line underline-offset-3 hover:text-text"
            >
              {part.label}
            </Link>
          )}
          <span
            className="ml-auto whitespace-nowrap"
            title={`${durationFigure(part.ns / Math.max(1, workers)).exact} per worker`}
          >
            {ratioFigure(part.ratio).value} <span className="unit">%</span>
          </span>
        </li>
      ))}
      {small.length > 0 && (
        <li
          className="flex items-center gap-1.5"
          title={small
            .map(({ label, ratio }) => `${label} ${ratioFigure(ratio).value} %`)
            .join('\n')}
        >
          <span className="truncate text-muted">
            <span className="defined">{small.length} smaller causes</span>
          </span>
          <span className="ml-auto whitespace-nowrap">
            {ratioFigure(small.reduce((sum, { ratio }) => sum + ratio, 0)).value}{' '}
            <span className="unit">%</span>
          </span>
        </li>
      )}
    </ul>
  );
}

export function Swatch({
  look,
  colour,
}: {
  readonly look: 'filled' | 'hatched' | 'bare';
  readonly colour: string;
}) {
  const style =
    look === 'filled' ? { background: colour } : ({ '--hatch': colour } as CSSProperties);
  return (
    <span
      aria-hidden="true"
      className={`inline-block size-2.5 shrink-0 rounded-xs ${
        look === 'filled' ? '' : `border border-line ${look}`
      }`}
      style={style}
    />
  );
}
