'use client';

import { type KeyboardEvent, useEffect, useMemo, useRef, useState } from 'react';
import type { Waits } from '#lib/api/waits.ts';
import { definitionText } from '#lib/view/definitions.ts';
import { durationFigure, figureText, ratioFigure } from '#lib/view/format.ts';
import { firstMoeEffect, lastMoeEffect, layerOutliers } from '#lib/view/layer-findings.ts';
import { partLook, type StackKind, type StackModel, stackModel } from '#lib/view/layer-stack.ts';
import { layerIndexAt, stackLayout } from '#lib/view/layer-stack-layout.ts';
import { firstMoeText, lastMoeText, outlierText } from '#lib/view/layer-text.ts';
import type { ThemeName } from '#lib/view/palette.ts';
import { sizedContext } from './canvas-size.ts';
import { useDashboard } from './dashboard.tsx';
import { TermName } from './figure.tsx';
import { paintStack } from './layer-stack-paint.ts';
import { useTheme } from './root-setting.ts';
import { csvText } from './save-file.ts';
import { SaveMenu } from './save-menu.tsx';
import { Waiting } from './skeleton.tsx';
import { Swatch } from './stacked-bar.tsx';
import { useWidthPx } from './use-size.ts';

const KINDS: readonly { readonly kind: StackKind; readonly label: string }[] = [
  { kind: 'stages', label: 'Stages' },
  { kind: 'causes', label: 'Waiting' },
];

interface Props {
  /** undefined while loading. */
  readonly waits: Waits | undefined;
  /** Share of the critical path by layer; null: not known. */
  readonly shares: ReadonlyMap<number, number> | null;
}

/** What the layers are made of, or why they wait, and what stands out. */
export function LayerStackPanel({ waits, shares }: Props) {
  const { state, update } = useDashboard();
  const model = useMemo(
    () => (waits === undefined ? null : stackModel(waits, state.stack)),
    [waits, state.stack],
  );
  return (
    <section className="panel pb-2" aria-label="Layers as stacks" data-testid="layer-stack-panel">
      <header className="flex flex-wrap items-center gap-x-3 gap-y-1 px-3 pt-2 pb-1">
        <h2 className="panel-title">
          <TermName term={state.stack === 'stages' ? 'layerStages' : 'layerCauses'} />
        </h2>
        <span className="text-small text-muted">per worker and step</span>
        {model !== null && <Legend model={model} />}
        <span className="ml-auto flex items-center gap-3">
          <fieldset className="segments" aria-label="Stacks of">
            {KINDS.map(({ kind, label }) => (
              <button
                key={kind}
                type="button"
                className="control"
                aria-pressed={state.stack === kind}
                onClick={() => update({ stack: kind }, 'replace')}
              >
                {label}
              </button>
            ))}
          </fieldset>
        </span>
      </header>
      {model === null || model.names.length === 0 ? (
        <div className="px-3">
          <Waiting
            heightPx={240}
            text={
              model === null
                ? 'Loading the layers'
                : state.stack === 'causes'
                  ? 'Nobody waited in a layer of this window'
                  : 'No event with a layer in this window'
            }
          />
        </div>
      ) : (
        <>
          <StackCanvas model={model} shares={shares} />
          <Findings model={model} />
        </>
      )}
    </section>
  );
}

function Legend({ model }: { readonly model: StackModel }) {
  const theme = useTheme();
  return (
    <ul className="flex flex-wrap gap-x-3 text-small text-muted">
      {legendOf(model, theme).map(({ name, look, colour }) => (
        <li key={name} className="flex items-center gap-1.5">
          <Swatch look={look} colour={colour} /> {name}
        </li>
      ))}
    </ul>
  );
}

function legendOf(model: StackModel, theme: ThemeName) {
  return model.names.map((part) => {
    // What only the FFN side has is shown in its look there.
    const isOfAttention = model.layers.some(({ attention }) =>
      attention.parts.some(({ name }) => name === part),
    );
    const { label, look, colour } = partLook(
      model.kind,
      part,
      isOfAttention ? 'attention' : 'ffn',
      theme,
    );
    return { name: label, look, colour };
  });
}

function StackCanvas({
  model,
  shares,
}: {
  readonly model: StackModel;
  readonly shares: ReadonlyMap<number, number> | null;
}) {
  const { state, update } = useDashboard();
  const holder = useRef<HTMLDivElement>(null);
  const canvas = useRef<HTMLCanvasElement>(null);
  const widthPx = useWidthPx(holder);
  const theme = useTheme();
  const [chosen, setPointed] = useState(-1);
  const pointed = chosen < model.layers.length ? chosen : -1;
  const layout = useMemo(
    () => stackLayout(model, widthPx, shares !== null),
    [model, widthPx, shares],
  );
  const outliers = useMemo(() => new Set(layerOutliers(model).map(({ layer }) => layer)), [model]);
  const marked = model.layers.findIndex(({ layer }) => layer === state.layer);
  useEffect(() => {
    if (canvas.current === null || widthPx === 0) return;
    const context = sizedContext(canvas.current, widthPx, layout.heightPx);
    if (context === null) return;
    paintStack(context, { model, layout, widthPx, theme, pointed, marked, outliers, shares });
  }, [model, layout, widthPx, theme, pointed, marked, outliers, shares]);

  const open = (index: number) => {
    const layer = model.layers[index]?.layer ?? null;
    update({ layer: layer === state.layer ? null : layer }, 'replace');
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const last = model.layers.length - 1;
    const moves: Readonly<Record<string, number>> = {
      ArrowLeft: Math.max(0, pointed - 1),
      ArrowRight: Math.min(last, pointed + 1),
      Home: 0,
      End: last,
    };
    const next = Object.hasOwn(moves, event.key) ? moves[event.key] : undefined;
    if (next !== undefined) {
      event.preventDefault();
      setPointed(next);
    } else if (event.key === 'Enter' && pointed >= 0) {
      open(pointed);
    } else if (event.key === 'Escape') {
      setPointed(-1);
      holder.current?.blur();
    }
  };
  return (
    <>
      <div
        ref={holder}
        role="slider"
        tabIndex={0}
        aria-roledescription="stacked bars"
        aria-valuemin={0}
        aria-valuemax={model.layers.length - 1}
        aria-valuenow={Math.max(0, pointed)}
        aria-valuetext={pointed < 0 ? 'no layer' : layerText(model, pointed)}
        aria-label={`${model.kind === 'stages' ? 'Stages' : 'Causes of waiting'} of ${model.layers.length} layers. Left and right move the layer, Enter chooses it.`}
        className="mx-2"
        style={{ height: layout.heightPx }}
        onKeyDown={onKeyDown}
      >
        <canvas
          ref={canvas}
          data-testid="layer-stack"
          className="h-full w-full"
          onPointerMove={(event) => {
            const box = event.currentTarget.getBoundingClientRect();
            setPointed(layerIndexAt(layout, model.layers.length, event.clientX - box.left));
          }}
          onPointerLeave={() => setPointed(-1)}
          onClick={() => {
            if (pointed >= 0) open(pointed);
          }}
        />
      </div>
      <div className="mx-3 flex items-start gap-2">
        <p className="min-h-5 min-w-0 flex-1 text-small text-muted" aria-live="polite">
          {pointed < 0 ? (
            'Rest on a layer for its figures; click chooses it. A bar with gaps at its end goes on.'
          ) : (
            <Readout model={model} index={pointed} shares={shares} />
          )}
        </p>
        <SaveMenu
          title="the layers"
          picture={() => ({
            name: `layers-${model.kind}`,
            title: `${model.kind === 'stages' ? 'Stages' : 'Causes of waiting'} of the layers, per worker and step`,
            legend: legendOf(model, theme),
            widthPx,
            heightPx: layout.heightPx,
            body: {
              paint: (pen) => {
                const scene = { model, layout, widthPx, theme, marked, outliers, shares };
                paintStack(pen, { ...scene, pointed: -1 });
              },
            },
          })}
          csv={{ name: `layers-${model.kind}`, text: () => csvText(tableOf(model)) }}
        />
      </div>
    </>
  );
}

function layerText(model: StackModel, index: number): string {
  const { layer, attention, ffn } = model.layers[index]!;
  return `layer ${layer}: attention ${figureText(durationFigure(attention.totalNs))}, FFN ${figureText(durationFigure(ffn.totalNs))}`;
}

function Readout({
  model,
  index,
  shares,
}: {
  readonly model: StackModel;
  readonly index: number;
  readonly shares: ReadonlyMap<number, number> | null;
}) {
  const theme = useTheme();
  const layer = model.layers[index]!;
  const share = shares?.get(layer.layer);
  return (
    <>
      <strong className="text-text">Layer {layer.layer}</strong>
      {layer.isDense && ', dense'}
      {(['attention', 'ffn'] as const).map((role) => (
        <span key={role}>
          {' '}
          · {role === 'ffn' ? 'FFN' : role}{' '}
          <strong className="text-text">{figureText(durationFigure(layer[role].totalNs))}</strong>
          {layer[role].parts.length > 0 &&
            ` (${layer[role].parts
              .map(
                ({ name, ns }) =>
                  `${partLook(model.kind, name, role, theme).label} ${figureText(durationFigure(ns))}`,
              )
              .join(', ')})`}
        </span>
      ))}
      {share !== undefined && (
        <>
          {' '}
          · path <strong className="text-text">{ratioFigure(share).value} %</strong>
        </>
      )}
    </>
  );
}

/** The first MoE layer's price, and the layers that stand out. */
function Findings({ model }: { readonly model: StackModel }) {
  const { update } = useDashboard();
  const first = firstMoeEffect(model);
  const last = lastMoeEffect(model);
  const lastText = last === null ? null : lastMoeText(last, model.kind);
  const outliers = layerOutliers(model);
  return (
    <div className="mx-3 mt-1.5 border-t border-line pt-1.5" data-testid="layer-findings">
      {first !== null && (
        <p title={definitionText('firstMoeLayer')}>{firstMoeText(first, model.kind)}</p>
      )}
      {lastText !== null && <p>{lastText}</p>}
      {outliers.length === 0 ? (
        <p className="text-muted">
          <TermName term="layerOutlier">No layer stands out</TermName> from the others.
        </p>
      ) : (
        <ul className="mt-0.5">
          {outliers.slice(0, 6).map((outlier) => (
            <li key={`${outlier.layer} ${outlier.role}`}>
              <button
                type="button"
                className="text-accent underline"
                onClick={() => update({ layer: outlier.layer }, 'replace')}
              >
                Layer {outlier.layer}
              </button>{' '}
              <TermName term="layerOutlier">stands out</TermName>:{' '}
              {outlierText(outlier, model.kind)}.
            </li>
          ))}
          {outliers.length > 6 && (
            <li className="text-muted">and {outliers.length - 6} more, marked above</li>
          )}
        </ul>
      )}
    </div>
  );
}

function tableOf(model: StackModel): (string | number)[][] {
  return [
    ['layer', 'side', 'part', 'ns per worker and step'],
    ...model.layers.flatMap((layer) =>
      (['attention', 'ffn'] as const).flatMap((role) =>
        layer[role].parts.map(({ name, ns }) => [layer.layer, role, name, ns]),
      ),
    ),
  ];
}
