'use client';

import { ArrowDownIcon, ArrowUpIcon, TriangleAlertIcon } from 'lucide-react';
import type { KeyboardEvent } from 'react';
import type { Breakdown, BreakdownLayer } from '#lib/api/breakdown.ts';
import {
  nextSort,
  parseSort,
  pathNs,
  pathParts,
  type Sort,
  type SortKey,
  sortedLayers,
  sortText,
  TIME_COLUMNS,
} from '#lib/view/breakdown-table.ts';
import { DEFINITIONS, definitionText, type Term } from '#lib/view/definitions.ts';
import { durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { useDashboard } from './dashboard.tsx';
import { Fig, TermName } from './figure.tsx';

/** One row a layer; heads sort, rows choose a layer. */
export function LayerTable({
  breakdown,
  shares,
  outliers,
}: {
  readonly breakdown: Breakdown;
  /** Share of the critical path by layer; null: not known. */
  readonly shares: ReadonlyMap<number, number> | null;
  /** Layers that stand out in the stacks above. */
  readonly outliers: ReadonlySet<number>;
}) {
  const { state, update } = useDashboard();
  const sort = parseSort(state.sort);
  const rows = sortedLayers(breakdown.layers, sort);
  const maxPathNs = Math.max(1, ...breakdown.layers.map(pathNs));
  const onSort = (key: SortKey) => update({ sort: sortText(nextSort(sort, key)) }, 'replace');
  const choose = (layer: number) =>
    update({ layer: state.layer === layer ? null : layer }, 'replace');
  return (
    <section className="panel" aria-label="Layers">
      <table className="w-full text-small" data-testid="layer-table">
        <thead className="text-muted">
          <tr>
            <Head
              sortKey="layer"
              label="Layer"
              term={null}
              sort={sort}
              onSort={onSort}
              align="left"
            />
            <th
              scope="col"
              className="w-[22%] px-2 py-1.5 text-left font-normal"
              title="Attention, A2F, FFN, F2A of one micro-batch, one after the other; the lengths compare over all layers"
            >
              <span className="defined">One micro-batch’s way</span>
            </th>
            {TIME_COLUMNS.map(({ key, label, term }) => (
              <Head
                key={key}
                sortKey={key}
                label={label}
                term={term}
                sort={sort}
                onSort={onSort}
                align="right"
              />
            ))}
            <Head
              sortKey="bound"
              label="Bound"
              term="bound"
              sort={sort}
              onSort={onSort}
              align="left"
            />
            {shares !== null && (
              <th scope="col" className="px-2 py-1 text-right font-normal">
                <TermName term="pathShare" />
              </th>
            )}
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <LayerRow
              key={row.layer}
              row={row}
              maxPathNs={maxPathNs}
              isChosen={state.layer === row.layer}
              onChoose={choose}
              share={shares === null ? undefined : (shares.get(row.layer) ?? 0)}
              isOutlier={outliers.has(row.layer)}
            />
          ))}
        </tbody>
      </table>
    </section>
  );
}

function Head({
  sortKey,
  label,
  term,
  sort,
  onSort,
  align,
}: {
  readonly sortKey: SortKey;
  readonly label: string;
  readonly term: Term | null;
  readonly sort: Sort;
  readonly onSort: (key: SortKey) => void;
  readonly align: 'left' | 'right';
}) {
  const isSorted = sort.key === sortKey;
  const Arrow = sort.descending ? ArrowDownIcon : ArrowUpIcon;
  return (
    <th
      scope="col"
      aria-sort={isSorted ? (sort.descending ? 'descending' : 'ascending') : 'none'}
      className={`px-1 py-1 font-normal ${align === 'right' ? 'text-right' : 'text-left'}`}
    >
      <button
        type="button"
        className={`inline-flex items-center gap-0.5 rounded-box px-1 py-0.5 hover:bg-raised ${isSorted ? 'text-text' : ''}`}
        onClick={() => onSort(sortKey)}
        title={term === null ? `Sort by ${label}` : definitionText(term)}
      >
        {label}
        {isSorted && <Arrow size={12} aria-hidden />}
      </button>
    </th>
  );
}

function LayerRow({
  row,
  maxPathNs,
  isChosen,
  onChoose,
  share,
  isOutlier,
}: {
  readonly row: BreakdownLayer;
  readonly maxPathNs: number;
  readonly isChosen: boolean;
  readonly onChoose: (layer: number) => void;
  /** undefined: not known of any layer. */
  readonly share: number | undefined;
  readonly isOutlier: boolean;
}) {
  const isOver =
    row.periodNs !== null && row.idealPeriodNs !== null && row.periodNs > 1.1 * row.idealPeriodNs;
  return (
    <tr
      className={`border-t border-line hover:bg-raised ${isChosen ? 'bg-raised shadow-[inset_2px_0_0_var(--accent)]' : ''}`}
      data-layer={row.layer}
      onClick={() => onChoose(row.layer)}
    >
      <th scope="row" className="px-2 py-0.5 text-left font-semibold">
        <button
          type="button"
          className="px-1"
          aria-pressed={isChosen}
          onClick={(event) => {
            event.stopPropagation();
            onChoose(row.layer);
          }}
          onKeyDown={moveFocus}
        >
          {row.layer}
        </button>
        {isOutlier && (
          <TriangleAlertIcon
            size={12}
            className="inline text-critical"
            aria-label="stands out"
            role="img"
          />
        )}
      </th>
      <td className="px-2">
        <PathBar times={row} maxNs={maxPathNs} />
      </td>
      {TIME_COLUMNS.map(({ key, term }) => (
        <td
          key={key}
          className={`px-2 text-right whitespace-nowrap ${key === 'periodNs' && isOver ? 'text-warning' : ''}`}
        >
          <Fig figure={durationFigure(row[key])} term={term} />
        </td>
      ))}
      <td className="px-2 whitespace-nowrap">
        {row.bound ?? <span className="text-muted">–</span>}
      </td>
      {share !== undefined && (
        <td className="px-2 text-right whitespace-nowrap">
          <Fig figure={ratioFigure(share)} term="pathShare" />
        </td>
      )}
    </tr>
  );
}

/** Up and down move between the rows. */
function moveFocus(event: KeyboardEvent<HTMLButtonElement>): void {
  if (event.key !== 'ArrowDown' && event.key !== 'ArrowUp') return;
  const row = event.currentTarget.closest('tr');
  const next = event.key === 'ArrowDown' ? row?.nextElementSibling : row?.previousElementSibling;
  const button = next?.querySelector('button');
  if (button instanceof HTMLButtonElement) {
    event.preventDefault();
    button.focus();
  }
}

export function PathBar({
  times,
  maxNs,
}: {
  readonly times: Parameters<typeof pathParts>[0];
  readonly maxNs: number;
}) {
  const terms = {
    attentionNs: 'attentionTime',
    a2fNs: 'a2fTime',
    ffnNs: 'ffnTime',
    f2aNs: 'f2aTime',
  } as const;
  return (
    <div className="flex h-3.5 w-full" aria-hidden="true">
      {pathParts(times).map((part) => (
        <div
          key={part.key}
          className="h-full border-r border-panel"
          style={{ width: `${(part.ns / maxNs) * 100}%`, background: part.colour }}
          title={`${DEFINITIONS[terms[part.key]].name} ${figureText(durationFigure(part.ns))}`}
        />
      ))}
    </div>
  );
}
