'use client';

import { ChevronLeftIcon, ChevronRightIcon } from 'lucide-react';
import type { Breakdown, BreakdownLayer } from '#lib/api/breakdown.ts';
import { cellsOf, pathNs, TIME_COLUMNS } from '#lib/view/breakdown-table.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { durationFigure, figureText } from '#lib/view/format.ts';
import { STAGE_COLOURS } from '#lib/view/palette.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig } from './figure.tsx';
import { PathBar } from './layer-table.tsx';
import { Swatch } from './stacked-bar.tsx';
import { TimelineLink } from './timeline-link.tsx';

const CELL_COLUMNS = TIME_COLUMNS.filter(({ key }) => key !== 'idealPeriodNs');

const LEGEND = [
  ['Attention', STAGE_COLOURS.attention],
  ['A2F', STAGE_COLOURS.a2f],
  ['FFN', STAGE_COLOURS.expert],
  ['F2A', STAGE_COLOURS.f2a],
] as const;

/** The micro-batches of the chosen layer; the slowest layer while none is chosen. */
export function LayerDetail({ breakdown }: { readonly breakdown: Breakdown }) {
  const { state, update } = useDashboard();
  const chosen = breakdown.layers.find(({ layer }) => layer === state.layer);
  const layer = chosen ?? slowest(breakdown);
  if (layer === undefined) return null;
  const cells = cellsOf(breakdown, layer.layer);
  const maxNs = Math.max(1, ...cells.map(pathNs));
  const at = breakdown.layers.findIndex((entry) => entry.layer === layer.layer);
  const go = (index: number) => {
    const next = breakdown.layers[index];
    if (next !== undefined) update({ layer: next.layer }, 'replace');
  };
  return (
    <section
      className="panel pb-2"
      aria-label="Micro-batches of a layer"
      data-testid="layer-detail"
    >
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          Layer {layer.layer}
          {chosen === undefined && (
            <span className="font-normal text-muted"> · longest period</span>
          )}
        </h2>
        <PeriodText layer={layer} />
        <TimelineLink
          window={null}
          place={{ layer: layer.layer }}
          title={`Timeline of layer ${layer.layer} alone`}
        >
          timeline
        </TimelineLink>
        <ul className="ml-auto flex gap-3 text-small text-muted">
          {LEGEND.map(([name, colour]) => (
            <li key={name} className="flex items-center gap-1.5">
              <Swatch look="filled" colour={colour} /> {name}
            </li>
          ))}
        </ul>
        <div className="segments">
          <button
            type="button"
            className="control"
            aria-label="Layer before"
            disabled={at <= 0}
            onClick={() => go(at - 1)}
          >
            <ChevronLeftIcon size={14} aria-hidden />
          </button>
          <button
            type="button"
            className="control"
            aria-label="Next layer"
            disabled={at >= breakdown.layers.length - 1}
            onClick={() => go(at + 1)}
          >
            <ChevronRightIcon size={14} aria-hidden />
          </button>
        </div>
      </header>
      <table className="w-full text-small">
        <thead className="text-muted">
          <tr>
            <th scope="col" className="w-24 px-3 py-1 text-left font-normal">
              Micro-batch
            </th>
            <th scope="col" className="px-2 text-left font-normal">
              Its way through the layer
            </th>
            {CELL_COLUMNS.map(({ key, label, term }) => (
              <th
                key={key}
                scope="col"
                className="px-2 text-right font-normal whitespace-nowrap"
                title={definitionText(term)}
              >
                <span className="defined">{label}</span>
              </th>
            ))}
            <th
              scope="col"
              className="px-3 text-right font-normal"
              title="Keys that the medians are over"
            >
              <span className="defined">n</span>
            </th>
          </tr>
        </thead>
        <tbody>
          {cells.map((cell) => (
            <tr
              key={cell.microbatch}
              className={`border-t border-line ${cell.count < 3 ? 'text-muted' : ''}`}
            >
              <th scope="row" className="px-3 py-1 text-left font-semibold">
                {cell.microbatch}
              </th>
              <td className="w-[26%] px-2">
                <PathBar times={cell} maxNs={maxNs} />
              </td>
              {CELL_COLUMNS.map(({ key, term }) => (
                <td key={key} className="px-2 text-right whitespace-nowrap">
                  <Fig
                    figure={durationFigure(key === 'idealPeriodNs' ? null : cell[key])}
                    term={term}
                  />
                </td>
              ))}
              <td className="px-3 text-right">{cell.count}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}

function PeriodText({ layer }: { readonly layer: BreakdownLayer }) {
  if (layer.periodNs === null) return null;
  return (
    <span className="text-small text-muted">
      period {figureText(durationFigure(layer.periodNs))}
      {layer.idealPeriodNs !== null && `, ideal ${figureText(durationFigure(layer.idealPeriodNs))}`}
      {layer.bound !== null && ` · ${layer.bound}`}
    </span>
  );
}

function slowest(breakdown: Breakdown): BreakdownLayer | undefined {
  let best = breakdown.layers[0];
  for (const layer of breakdown.layers) {
    if ((layer.periodNs ?? -1) > (best?.periodNs ?? -1)) best = layer;
  }
  return best;
}
