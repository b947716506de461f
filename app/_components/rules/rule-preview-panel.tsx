'use client';

import { useQuery } from '@tanstack/react-query';
import { useEffect, useState } from 'react';
import { previewRule } from '#lib/api/alert-client.ts';
import type { AlertRule, RulePreview } from '#lib/api/alert-rules.ts';
import { PREVIEW_HOURS } from '#lib/view/alert-choice.ts';
import { metricFigure, metricName, unitOfMetric } from '#lib/view/alert-words.ts';
import { ageText } from '#lib/view/format.ts';
import { chartFromMs, previewRows, previewSentence } from '#lib/view/rule-preview.ts';
import { problemOf, useDashboard } from '../dashboard.tsx';
import { Fig } from '../figure.tsx';
import { Waiting } from '../skeleton.tsx';
import { PreviewChart } from './preview-chart.tsx';

/** So long nothing is typed before the question is asked. */
const REST_MS = 500;
const ROWS_SHOWN = 12;

/** When would this have fired? `rule` null: it cannot be tried as it is. */
export function RulePreviewPanel({ rule }: { readonly rule: AlertRule | null }) {
  const { state, update } = useDashboard();
  const { alerts: choice } = state;
  const tried = useRested(rule);
  const asked = useQuery({
    queryKey: ['rule-preview', tried, choice.previewHours],
    queryFn: ({ signal }) =>
      previewRule(
        { rule: { ...tried!, enabled: true }, from: `-${choice.previewHours}h`, to: 'now' },
        { signal },
      ),
    enabled: tried !== null,
    placeholderData: (old) => old,
    refetchInterval: 30_000,
  });
  const problem = problemOf(asked.error);
  const isOld = asked.isPlaceholderData || tried !== rule;
  return (
    <section className="mb-3 border-y border-line py-2" aria-label="Preview">
      <header className="flex flex-wrap items-center gap-2">
        <h3 className="panel-title">When it would have fired</h3>
        <fieldset className="segments ml-auto" aria-label="Time of the preview">
          {PREVIEW_HOURS.map((hours) => (
            <button
              key={hours}
              type="button"
              className="control"
              aria-pressed={choice.previewHours === hours}
              onClick={() => update({ alerts: { ...choice, previewHours: hours } }, 'replace')}
            >
              {hours === 168 ? '7 d' : `${hours} h`}
            </button>
          ))}
        </fieldset>
      </header>
      {problem !== null && (
        <p role="alert" className="mt-1 break-words text-warning">
          {problem.title}: {problem.detail}
        </p>
      )}
      {rule === null && (
        <p className="mt-1 text-muted">It is tried as soon as nothing is wrong with it.</p>
      )}
      {tried !== null && asked.data === undefined && problem === null && (
        <Waiting heightPx={190} text="Trying it on what was" />
      )}
      {tried !== null && asked.data !== undefined && (
        <div className={isOld ? 'stale' : ''} aria-busy={isOld}>
          <Answer preview={asked.data} rule={tried} />
        </div>
      )}
    </section>
  );
}

function Answer({ preview, rule }: { readonly preview: RulePreview; readonly rule: AlertRule }) {
  const rows = previewRows(preview, rule.compare.startsWith('>'));
  const [chosen, setChosen] = useState<string | null>(null);
  const at = rows.find(({ name }) => name === chosen) ?? rows[0];
  const series = at === undefined ? undefined : preview.series[at.index];
  const unit = unitOfMetric(rule.metric);
  return (
    <>
      <p className="mt-1" aria-live="polite" data-testid="preview-sentence">
        {previewSentence(preview, rows)}
      </p>
      {series !== undefined && at !== undefined && (
        <>
          <PreviewChart
            series={series}
            name={`${metricName(rule.metric)} · ${at.name}`}
            metric={rule.metric}
            severity={rule.severity}
            fromMs={chartFromMs(series, { fromMs: preview.fromUnixMs, toMs: preview.toUnixMs })}
            toMs={preview.toUnixMs}
          />
          {rows.length > 1 && (
            <details className="mt-1 text-small">
              <summary className="text-muted">Choose one of {rows.length} series</summary>
              <table className="mt-1 w-full">
                <thead className="text-muted">
                  <tr>
                    {['Series', 'Would have fired', 'In all', 'Furthest'].map((name, column) => (
                      <th
                        key={name}
                        scope="col"
                        className={`py-0.5 font-normal ${column === 0 ? 'text-left' : 'text-right'}`}
                      >
                        {name}
                      </th>
                    ))}
                  </tr>
                </thead>
                <tbody>
                  {rows.slice(0, ROWS_SHOWN).map((row) => (
                    <tr key={row.index} className="border-t border-line">
                      <td className="py-0.5">
                        <button
                          type="button"
                          className={row === at ? 'font-semibold' : 'text-accent'}
                          aria-pressed={row === at}
                          onClick={() => setChosen(row.name)}
                        >
                          {row.name}
                        </button>
                      </td>
                      <td className="text-right">{row.fired === 0 ? '–' : `${row.fired} ×`}</td>
                      <td className="text-right">
                        {row.firingMs === 0 ? '–' : ageText(row.firingMs)}
                      </td>
                      <td className="text-right">
                        <Fig figure={metricFigure(rule.metric, unit, row.worst)} />
                      </td>
                    </tr>
                  ))}
                </tbody>
              </table>
            </details>
          )}
          {(rows.length > ROWS_SHOWN || preview.hiddenSeries > 0) && (
            <p className="mt-1 text-small text-muted">
              {Math.max(0, rows.length - ROWS_SHOWN) + preview.hiddenSeries} more series are not
              listed.
            </p>
          )}
        </>
      )}
    </>
  );
}

/** The rule once it has not changed for a moment; null stays null. */
function useRested(rule: AlertRule | null): AlertRule | null {
  const text = rule === null ? null : JSON.stringify(rule);
  const [rested, setRested] = useState<{ text: string; rule: AlertRule } | null>(
    text === null || rule === null ? null : { text, rule },
  );
  useEffect(() => {
    if (text === null) return;
    const timer = setTimeout(() => {
      const known: AlertRule = JSON.parse(text);
      setRested({ text, rule: known });
    }, REST_MS);
    return () => clearTimeout(timer);
  }, [text]);
  if (rule === null) return null;
  // The same object as long as it says the same, so that it is seen as rested.
  return rested?.text === text ? rule : (rested?.rule ?? null);
}
