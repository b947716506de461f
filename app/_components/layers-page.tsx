'use client';

import { useMemo } from 'react';
import type { Breakdown } from '#lib/api/breakdown.ts';
import { fetchBreakdown, fetchWaits } from '#lib/api/client.ts';
import type { Waits } from '#lib/api/waits.ts';
import { layerOutliers } from '#lib/view/layer-findings.ts';
import { stackModel } from '#lib/view/layer-stack.ts';
import { layerShares } from '#lib/view/path-shares.ts';
import { LIVE_WINDOW_MS } from '#lib/view/time-range.ts';
import { useDashboard } from './dashboard.tsx';
import { LayerDetail } from './layer-detail.tsx';
import { LayerStackPanel } from './layer-stack-panel.tsx';
import { LayerTable } from './layer-table.tsx';
import { PageGate } from './page-gate.tsx';
import { Waiting } from './skeleton.tsx';
import { type Answer, useQuestion } from './use-question.ts';
import { useReport } from './use-report.ts';
import { WindowText } from './window-text.tsx';

/** Where the time of each layer and micro-batch goes. */
export function LayersPage() {
  const breakdown = useQuestion('breakdown', fetchBreakdown);
  const waits = useQuestion('waits', fetchWaits);
  return (
    <PageGate
      answer={breakdown}
      question="newer breakdown"
      others={[{ question: 'stacks of the layers', answer: waits }]}
    >
      {(data) => <Layers data={data} waits={waits} />}
    </PageGate>
  );
}

function Layers({ data, waits }: { readonly data: Breakdown; readonly waits: Answer<Waits> }) {
  const { state } = useDashboard();
  const { report } = useReport('calm');
  const path = report?.criticalPath ?? null;
  const shares = useMemo(
    () =>
      path === null ? null : new Map(layerShares(path).map(({ layer, ratio }) => [layer, ratio])),
    [path],
  );
  const outliers = useMemo(
    () =>
      new Set(
        waits.data === undefined
          ? []
          : layerOutliers(stackModel(waits.data, state.stack)).map(({ layer }) => layer),
      ),
    [waits.data, state.stack],
  );
  if (data.layers.length === 0) {
    return (
      <section className="panel p-3">
        <h1 className="panel-title mb-2">Layers</h1>
        <Waiting
          heightPx={240}
          text="No layer in this window: it holds no steps, or their events are no longer kept. Choose a newer one."
        />
      </section>
    );
  }
  return (
    <>
      <header className="flex flex-wrap items-baseline gap-x-3">
        <h1 className="text-lead font-semibold">Layers</h1>
        <span className="text-muted">
          medians over {data.steps.toLocaleString('en-US')} {data.steps === 1 ? 'step' : 'steps'} in{' '}
          <WindowText durationNs={data.window.durationNs} liveMs={LIVE_WINDOW_MS} /> ·{' '}
          {data.layers.length} layers · {data.microbatches} micro-batches
        </span>
      </header>
      {(waits.data !== undefined || waits.problem === null) && (
        <LayerStackPanel waits={waits.data} shares={shares} />
      )}
      <LayerDetail breakdown={data} />
      <LayerTable breakdown={data} shares={shares} outliers={outliers} />
    </>
  );
}
