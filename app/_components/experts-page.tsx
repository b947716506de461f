'use client';

import { fetchExperts } from '#lib/api/client.ts';
import type { ExpertsAnswer } from '#lib/api/experts.ts';
import { EXPERT_ATTRIBUTES } from '#lib/view/connect-help.ts';
import { correlationFigure, expertHeadline, mostUnevenLayer } from '#lib/view/expert-layer.ts';
import { ratioOverMean } from '#lib/view/expert-map.ts';
import { countFigure, ratioFigure } from '#lib/view/format.ts';
import { Banner } from './banner.tsx';
import { useDashboard } from './dashboard.tsx';
import { ExpertLayerPanel } from './expert-layer-panel.tsx';
import { ExpertMapPanel } from './expert-map-panel.tsx';
import { ExpertScatter } from './expert-scatter.tsx';
import { Fig, TermName } from './figure.tsx';
import { PageGate } from './page-gate.tsx';
import { useQuestion } from './use-question.ts';
import { WindowText } from './window-text.tsx';

const LIVE_MS = 15_000;

/** How evenly tokens fall on ranks and experts, and what it costs. */
export function ExpertsPage() {
  const experts = useQuestion('experts', fetchExperts, LIVE_MS);
  return (
    <PageGate answer={experts} question="newer expert loads">
      {(answer) => <Experts answer={answer} />}
    </PageGate>
  );
}

function Experts({ answer }: { readonly answer: ExpertsAnswer }) {
  const { state } = useDashboard();
  const { summary } = answer;
  const isChosen = state.layer !== null && answer.layers.includes(state.layer);
  const layer = isChosen ? state.layer : mostUnevenLayer(answer);
  return (
    <>
      <header className="flex flex-wrap items-baseline gap-x-3">
        <h1 className="text-lead font-semibold">Experts</h1>
        <span className="text-muted">
          {answer.steps.toLocaleString('en-US')} {answer.steps === 1 ? 'step' : 'steps'} in{' '}
          <WindowText durationNs={answer.window.durationNs} liveMs={LIVE_MS} /> ·{' '}
          {answer.workers.length} FFN {answer.workers.length === 1 ? 'rank' : 'ranks'} ·{' '}
          {answer.layers.length} layers
          {summary !== null && ` · ${summary.keys.toLocaleString('en-US')} keys`}
        </span>
      </header>
      {summary?.forcedRouting === true && (
        <div
          className="overflow-hidden rounded-box border border-line"
          data-testid="forced-routing"
        >
          <Banner severity="warning" word="Forced routing">
            All ranks get equal tokens, to the token. A real router never does that: a benchmark
            mode, or dummy weights. Imbalance below is that of the test, not of the model.
          </Banner>
        </div>
      )}
      {summary === null ? (
        <NoMeasures answer={answer} />
      ) : (
        <>
          <dl
            className="panel grid grid-cols-3 xl:grid-cols-6"
            aria-label="Balance of experts"
            data-testid="expert-headline"
          >
            {expertHeadline(summary).map(({ term, figure, note }) => (
              <div
                key={term}
                className="min-w-0 border-line px-3 py-2 max-xl:nth-[n+4]:border-t xl:not-first:border-l max-xl:not-nth-[3n+1]:border-l"
              >
                <dt className="truncate text-small text-muted">
                  <TermName term={term} />
                </dt>
                <dd className="text-head leading-tight font-semibold whitespace-nowrap">
                  <Fig figure={figure} term={term} />
                </dd>
                <dd className="truncate text-tiny text-muted" title={note}>
                  {note}
                </dd>
              </div>
            ))}
          </dl>
          <ExpertMapPanel answer={answer} layer={layer} />
          {layer !== null && <ExpertLayerPanel answer={answer} layer={layer} />}
          <div className="grid grid-cols-2 gap-3">
            <Hottest summary={summary} />
            <ExpertScatter answer={answer} layer={layer} />
          </div>
          <Uneven summary={summary} />
        </>
      )}
    </>
  );
}

type Summary = NonNullable<ExpertsAnswer['summary']>;

function Hottest({ summary }: { readonly summary: Summary }) {
  const { state, update } = useDashboard();
  const isUnnamed = summary.hottest.some(({ expert }) => expert < 0);
  return (
    <section className="panel min-w-0 pb-2" aria-label="Hottest experts" data-testid="hottest">
      <header className="px-3 pt-2 pb-1">
        <h2 className="panel-title">
          Hottest experts
          {isUnnamed && (
            <span className="font-normal text-muted"> · send afd.expert_tokens to see which</span>
          )}
        </h2>
      </header>
      <table className="w-full text-small">
        <thead className="text-muted">
          <tr>
            <th scope="col" className="px-3 py-1 text-left font-normal">
              Rank
            </th>
            <th scope="col" className="px-2 text-right font-normal">
              Layer
            </th>
            <th
              scope="col"
              className="px-2 text-right font-normal"
              title="Place in the rank’s list of experts"
            >
              <span className="defined">Expert</span>
            </th>
            <th scope="col" className="px-3 text-right font-normal">
              <TermName term="expertTokens" />
            </th>
          </tr>
        </thead>
        <tbody>
          {summary.hottest.slice(0, 10).map((hot) => (
            <tr
              key={`${hot.worker} ${hot.layer} ${hot.expert}`}
              className={`border-t border-line ${state.layer === hot.layer ? 'bg-raised' : ''}`}
            >
              <th scope="row" className="px-3 py-0.5 text-left font-semibold">
                {hot.worker}
              </th>
              <td className="px-2 text-right">
                <button
                  type="button"
                  className="text-accent underline"
                  aria-label={`Show layer ${hot.layer}`}
                  onClick={() => update({ layer: hot.layer, worker: hot.worker }, 'replace')}
                >
                  {hot.layer}
                </button>
              </td>
              <td className="px-2 text-right">{hot.expert < 0 ? '–' : hot.expert}</td>
              <td className="px-3 text-right">
                <Fig figure={countFigure(hot.tokens, 'tokens')} term="expertTokens" />
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      {summary.hottest.length === 0 && (
        <p className="px-3 py-1 text-muted">No expert event says how many tokens one expert got.</p>
      )}
    </section>
  );
}

/** Ranks and layers, most uneven first. */
function Uneven({ summary }: { readonly summary: Summary }) {
  const { update } = useDashboard();
  const layers = [...summary.layers].sort((a, b) => b.maxOverMean - a.maxOverMean).slice(0, 8);
  const workers = [...summary.workers].sort((a, b) => b.tokensRatio - a.tokensRatio).slice(0, 8);
  return (
    <div className="grid grid-cols-2 gap-3">
      <section className="panel min-w-0 pb-2" aria-label="Most loaded ranks">
        <h2 className="panel-title px-3 pt-2 pb-1">Most loaded ranks, over all layers</h2>
        <table className="w-full text-small">
          <thead className="text-muted">
            <tr>
              <th scope="col" className="px-3 py-1 text-left font-normal">
                Rank
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                <TermName term="expertTokens" />
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                Against the mean
              </th>
              <th scope="col" className="px-3 text-right font-normal">
                <TermName term="activeExperts" />
              </th>
            </tr>
          </thead>
          <tbody>
            {workers.map((worker) => (
              <tr key={worker.worker} className="border-t border-line">
                <th scope="row" className="px-3 py-0.5 text-left font-semibold">
                  {worker.worker}
                </th>
                <td className="px-2 text-right">
                  <Fig figure={countFigure(worker.tokens, 'tokens')} term="expertTokens" />
                </td>
                <td className="px-2 text-right">
                  {worker.tokensRatio >= 1 ? '+' : '−'}
                  {ratioFigure(Math.abs(worker.tokensRatio - 1)).value}{' '}
                  <span className="unit">%</span>
                </td>
                <td className="px-3 text-right">
                  <Fig figure={countFigure(worker.active, '')} term="activeExperts" />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <section className="panel min-w-0 pb-2" aria-label="Most uneven layers">
        <h2 className="panel-title px-3 pt-2 pb-1">Most uneven layers</h2>
        <table className="w-full text-small">
          <thead className="text-muted">
            <tr>
              <th scope="col" className="px-3 py-1 text-left font-normal">
                Layer
              </th>
              <th scope="col" className="px-2 text-left font-normal">
                Busiest
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                <TermName term="rankImbalance">Max / mean</TermName>
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                <TermName term="vllmBalancedness">vLLM</TermName>
              </th>
              <th scope="col" className="px-2 text-right font-normal">
                <TermName term="sglangBalancedness">SGLang</TermName>
              </th>
              <th scope="col" className="px-3 text-right font-normal">
                <TermName term="tokensTimeCorrelation">r</TermName>
              </th>
            </tr>
          </thead>
          <tbody>
            {layers.map((entry) => (
              <tr key={entry.layer} className="border-t border-line">
                <th scope="row" className="px-3 py-0.5 text-left font-semibold">
                  <button
                    type="button"
                    className="text-accent underline"
                    aria-label={`Show layer ${entry.layer}`}
                    onClick={() => update({ layer: entry.layer }, 'replace')}
                  >
                    {entry.layer}
                  </button>
                </th>
                <td className="px-2">{entry.worker}</td>
                <td className="px-2 text-right">
                  <Fig figure={ratioOverMean(entry.maxOverMean)} term="rankImbalance" />
                </td>
                <td className="px-2 text-right">{entry.vllmBalancedness.toFixed(3)}</td>
                <td className="px-2 text-right">{entry.sglangBalancedness.toFixed(3)}</td>
                <td className="px-3 text-right">
                  <Fig
                    figure={correlationFigure(entry.tokensTimeCorrelation)}
                    term="tokensTimeCorrelation"
                  />
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </div>
  );
}

/** Senders that tell no loads: what would be here, and what to send. */
function NoMeasures({ answer }: { readonly answer: ExpertsAnswer }) {
  const hasExperts = answer.expertNs.some((value) => value !== null);
  return (
    <section className="panel mx-auto mt-3 w-full max-w-3xl p-5" data-testid="no-experts">
      <h2 className="text-head font-semibold">
        {hasExperts ? 'Expert events carry no loads' : 'No expert events in this window'}
      </h2>
      <p className="mt-2">
        {hasExperts
          ? `${answer.workers.length} ranks sent expert events of ${answer.layers.length} layers, without tokens. With these attributes this page shows how evenly tokens fall on ranks and experts, which expert is hot, and whether load explains the time:`
          : 'The window holds no steps with experts, or their events are no longer kept. Choose a newer one. What expert events should carry:'}
      </p>
      <table className="mt-3 w-full text-small">
        <tbody>
          {EXPERT_ATTRIBUTES.map(({ name, text }) => (
            <tr key={name} className="border-t border-line">
              <td className="py-1 pr-3 whitespace-nowrap">
                <code>{name}</code>
              </td>
              <td>{text}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </section>
  );
}
