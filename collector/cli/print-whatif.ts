/** A what-if as text for people: how well the replay fits, then what the change would bring. */
import type { WhatifAnswer, WhatifEstimate, WhatifOutcome } from '#lib/api/whatif.ts';
import { countText, durationText, ratioText } from './figures.ts';
import { printable } from './printable.ts';
import { type Column, formatTable } from './text-table.ts';

const COLUMNS: readonly Column[] = [
  { title: '' },
  { title: 'shape' },
  { title: 'step', align: 'right' },
  { title: 'layer period', align: 'right' },
  { title: 'tokens/s', align: 'right' },
  { title: 'tokens/s/GPU', align: 'right' },
  { title: 'attention bubble', align: 'right' },
  { title: 'FFN bubble', align: 'right' },
];

export function formatWhatif(answer: WhatifAnswer): string {
  const { result, changes, assumes } = answer;
  if (result === null) return '';
  const rows = [row('measured', result.measured), row('replayed', result.replayed)];
  if (changes.length > 0) rows.push(row('predicted', result.predicted));
  const sections = [
    [
      `${answer.deployment}: ${countText(answer.steps)} steps replayed; the replay is ${signed(result.replayErrorRatio)} off the measured step time`,
      ...(result.reproduces
        ? []
        : [
            'too far off: what happens here is not what the replay knows; do not trust predictions',
          ]),
    ],
    formatTable(COLUMNS, rows),
    changes.map(({ words }) => `changed: ${words}`),
    changes.length === 0
      ? []
      : [
          `step time ${gain(result.stepGain)}`,
          ...(result.tokensPerSecondPerGpuGain === null
            ? []
            : [`tokens per second and GPU ${gain(result.tokensPerSecondPerGpuGain)}`]),
        ],
    assumes.map((text) => `assumes: ${text}`),
  ];
  const text = sections
    .filter((lines) => lines.length > 0)
    .map((lines) => lines.join('\n'))
    .join('\n\n');
  return printable(text);
}

function row(name: string, outcome: WhatifOutcome): string[] {
  return [
    name,
    `${outcome.attention}A${outcome.ffn}F, ${outcome.microbatches} micro-batches`,
    durationText(outcome.stepNs.value),
    durationText(outcome.periodNs?.value),
    countText(outcome.tokensPerSecond?.value),
    countText(outcome.tokensPerSecondPerGpu?.value),
    ratioText(outcome.attentionBubble),
    ratioText(outcome.ffnBubble),
  ];
}

/** "-12.5 % (-13.0 to -12.1 %)". */
function gain({ value, low, high }: WhatifEstimate): string {
  return `${signed(value)} (${signed(low)} to ${signed(high)})`;
}

function signed(ratio: number): string {
  return `${ratio > 0 ? '+' : ''}${ratioText(ratio)}`;
}
