'use client';

import { ArrowDownIcon, ArrowUpIcon } from 'lucide-react';
import { useState } from 'react';
import type { TimelineStats } from '#lib/api/timeline-stats.ts';
import { definitionText, type Term } from '#lib/view/definitions.ts';
import { durationFigure, ratioFigure } from '#lib/view/format.ts';
import { boxLook } from '#lib/view/palette.ts';
import {
  AREA_COLUMNS,
  type AreaColumn,
  type AreaRow,
  DEFAULT_AREA_SORT,
  nextAreaSort,
  sortedAreaRows,
} from '#lib/view/timeline-area.ts';
import { Fig } from '../figure.tsx';
import { Swatch } from '../stacked-bar.tsx';

const HEADS: Readonly<Record<AreaColumn, { readonly label: string; readonly term: Term | null }>> =
  {
    group: { label: 'Group', term: null },
    stage: { label: 'Stage', term: null },
    kind: { label: 'Kind', term: null },
    count: { label: 'Count', term: 'areaCount' },
    sumNs: { label: 'Sum', term: 'areaSum' },
    share: { label: 'Share', term: 'areaShare' },
    mean: { label: 'Mean', term: 'areaMean' },
    p50: { label: 'p50', term: 'areaQuantile' },
    p90: { label: 'p90', term: 'areaQuantile' },
    p99: { label: 'p99', term: 'areaQuantile' },
    max: { label: 'Max', term: 'areaMax' },
  };
const TEXTS: readonly AreaColumn[] = ['group', 'stage', 'kind'];

/** One row a group, stage and kind; heads sort. */
export function AreaTable({ stats }: { readonly stats: TimelineStats }) {
  const [sort, setSort] = useState(DEFAULT_AREA_SORT);
  const Arrow = sort.descending ? ArrowDownIcon : ArrowUpIcon;
  return (
    <div className="min-w-0 overflow-x-auto">
      <table className="w-full text-small" data-testid="area-table">
        <thead className="text-muted">
          <tr>
            {AREA_COLUMNS.map((column) => {
              const { label, term } = HEADS[column];
              const isSorted = sort.column === column;
              return (
                <th
                  key={column}
                  scope="col"
                  aria-sort={isSorted ? (sort.descending ? 'descending' : 'ascending') : 'none'}
                  className={`py-0.5 font-normal ${TEXTS.includes(column) ? 'text-left' : 'text-right'}`}
                >
                  <button
                    type="button"
                    className={`inline-flex items-center gap-0.5 rounded-box px-1.5 hover:bg-raised ${isSorted ? 'text-text' : ''}`}
                    title={term === null ? `Sort by ${label}` : definitionText(term)}
                    onClick={() => setSort(nextAreaSort(sort, column))}
                  >
                    {label}
                    {isSorted && <Arrow size={12} aria-hidden />}
                  </button>
                </th>
              );
            })}
          </tr>
        </thead>
        <tbody>
          {sortedAreaRows(stats.stages, sort).map((row) => (
            <StageRow key={`${row.group} ${row.stage} ${row.kind}`} row={row} />
          ))}
        </tbody>
      </table>
    </div>
  );
}

function StageRow({ row }: { readonly row: AreaRow }) {
  const look = boxLook(row.stage, row.kind);
  const { durationNs } = row;
  const times: readonly (readonly [number, Term])[] = [
    [durationNs.mean, 'areaMean'],
    [durationNs.p50, 'areaQuantile'],
    [durationNs.p90, 'areaQuantile'],
    [durationNs.p99, 'areaQuantile'],
    [durationNs.max, 'areaMax'],
  ];
  return (
    <tr
      className="border-t border-line hover:bg-raised"
      data-row={`${row.group} ${row.stage} ${row.kind}`}
    >
      <td className="px-1.5 py-0.5">{row.group}</td>
      <th scope="row" className="px-1.5 text-left font-normal whitespace-nowrap">
        <span className="inline-flex items-center gap-1.5">
          <Swatch look={look.hatched ? 'hatched' : 'filled'} colour={look.colour} />
          {row.stage}
        </span>
      </th>
      <td className="px-1.5 text-muted">{row.kind}</td>
      <td className="px-1.5 text-right" title={definitionText('areaCount')}>
        {row.count.toLocaleString('en-US')}
      </td>
      <td className="px-1.5 text-right whitespace-nowrap">
        <Fig figure={durationFigure(row.sumNs)} term="areaSum" />
      </td>
      <td className="px-1.5 text-right whitespace-nowrap">
        <Fig figure={ratioFigure(row.share)} term="areaShare" />
      </td>
      {times.map(([ns, term], i) => (
        <td key={AREA_COLUMNS[6 + i]} className="px-1.5 text-right whitespace-nowrap">
          <Fig figure={durationFigure(ns)} term={term} />
        </td>
      ))}
    </tr>
  );
}
