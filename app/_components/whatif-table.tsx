'use client';

import { DEFINITIONS } from '#lib/view/definitions.ts';
import { figureText } from '#lib/view/format.ts';
import { intervalScale, intervalText, signedPercent } from '#lib/view/interval-scale.ts';
import { type WhatifResult, type WhatifRow, whatifRows } from '#lib/view/whatif-rows.ts';
import { Fig, TermName } from './figure.tsx';
import { IntervalMark } from './interval-mark.tsx';
import { SaveCsv } from './save-csv.tsx';

/** Today next to the prediction. */
export function WhatifTable({
  result,
  hasChange,
}: {
  readonly result: WhatifResult;
  readonly hasChange: boolean;
}) {
  const rows = whatifRows(result);
  const gain = hasChange ? result.tokensPerSecondPerGpuGain : null;
  const { measured, predicted } = result;
  return (
    <>
      {gain !== null && (
        <div className="mb-3 grid grid-cols-[auto_1fr] items-center gap-x-4 rounded-box border border-line px-3 py-2">
          <div>
            <p className="text-small text-muted">
              <TermName term="gainPerGpu">tokens/s per GPU</TermName>
            </p>
            <p className="text-head leading-tight font-semibold" data-testid="whatif-gain">
              {signedPercent(gain.value)}
            </p>
            <p className="text-tiny text-muted">{intervalText(gain)}</p>
          </div>
          <IntervalMark
            estimate={gain}
            scale={intervalScale([gain])}
            label="Predicted gain in tokens/s per GPU"
          />
        </div>
      )}
      <table className="w-full text-small" data-testid="whatif-table">
        <thead className="text-muted">
          <tr>
            <th scope="col" className="py-1 pr-2 text-left font-normal">
              <SaveCsv
                name="what-if"
                title="the what-if"
                rows={() => [
                  ['figure', 'measured', 'replayed', 'predicted', 'low', 'high'],
                  ...rows.map((row) => [
                    DEFINITIONS[row.term].name,
                    row.measured.exact,
                    row.replayed.exact,
                    row.predicted.exact,
                    row.bounds?.low.exact ?? null,
                    row.bounds?.high.exact ?? null,
                  ]),
                ]}
              />
            </th>
            <Column term="whatifMeasured" note={`${measured.attention}A${measured.ffn}F`} />
            <Column term="whatifReplayed" note="" />
            <Column
              term="whatifPredicted"
              note={`${predicted.attention}A${predicted.ffn}F, m = ${predicted.microbatches}`}
            />
            <th scope="col" className="pl-1 text-right align-top font-normal">
              Change
              <div className="text-tiny whitespace-nowrap">vs replayed</div>
            </th>
          </tr>
        </thead>
        <tbody>
          {rows.map((row) => (
            <Line key={row.term} row={row} />
          ))}
        </tbody>
      </table>
    </>
  );
}

function Column({
  term,
  note,
}: {
  readonly term: 'whatifMeasured' | 'whatifReplayed' | 'whatifPredicted';
  readonly note: string;
}) {
  return (
    <th scope="col" className="px-1 text-right align-top font-normal xl:px-2">
      <TermName term={term} />
      <div className="text-tiny whitespace-nowrap">{note}</div>
    </th>
  );
}

function Line({ row }: { readonly row: WhatifRow }) {
  const { change, bounds } = row;
  return (
    <tr className="border-t border-line">
      <th scope="row" className="py-1 pr-1 text-left align-top font-normal whitespace-nowrap">
        <TermName term={row.term} />
      </th>
      <td className="px-1 py-1 text-right align-top whitespace-nowrap xl:px-2">
        <Fig figure={row.measured} term={row.term} />
      </td>
      <td className="px-1 py-1 text-right align-top whitespace-nowrap text-muted xl:px-2">
        <Fig figure={row.replayed} term={row.term} />
      </td>
      <td className="px-1 py-1 text-right align-top whitespace-nowrap xl:px-2">
        <strong>
          <Fig figure={row.predicted} term={row.term} />
        </strong>
        {bounds !== null && (
          <div className="text-tiny text-muted">
            {bounds.low.value} to {figureText(bounds.high)}
          </div>
        )}
      </td>
      <td className="py-1 pl-1 text-right align-top whitespace-nowrap">
        {change === null ? (
          <span className="text-muted">none</span>
        ) : (
          <>
            {change.text}
            <div className="text-tiny text-muted">{change.isBetter ? 'better' : 'worse'}</div>
          </>
        )}
      </td>
    </tr>
  );
}
