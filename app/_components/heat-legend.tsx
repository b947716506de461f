'use client';

import type { Figure } from '#lib/view/format.ts';
import { heatLegend } from '#lib/view/heat-model.ts';
import { Fig } from './figure.tsx';
import { useTheme } from './root-setting.ts';

/** The colour scale of a heat map, from 0 to its top. */
export function HeatLegend({ top }: { readonly top: Figure }) {
  const colours = heatLegend(useTheme());
  return (
    <span className="flex items-center gap-1.5 text-tiny whitespace-nowrap text-muted">
      0
      <span
        aria-hidden="true"
        className="h-2.5 w-20 rounded-xs border border-line"
        style={{ background: `linear-gradient(to right, ${colours.join(', ')})` }}
      />
      <Fig figure={top} />
    </span>
  );
}
